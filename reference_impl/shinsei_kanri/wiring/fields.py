"""Values by canonical name, handed out with the type that the caller expects."""

from __future__ import annotations

from datetime import date, datetime
from typing import TypeVar

from reference_impl.shinsei_kanri.wiring.formats import Value

T = TypeVar("T")


class Fields(dict[str, Value]):
    """Canonical item name → value. A wrong type is a mistake in the profile (TypeError names the item)."""

    def text(self, name: str) -> str:
        """The text of ``name``; "" when it is absent."""
        value = self.get(name)
        return self._typed(name, "" if value is None else value, str)

    def whole(self, name: str) -> int:
        return self._typed(name, self.get(name), int)

    def moment(self, name: str) -> datetime:
        return self._typed(name, self.get(name), datetime)

    def day(self, name: str) -> date:
        return self._typed(name, self.get(name), date)

    def day_or_none(self, name: str) -> date | None:
        return None if self.get(name) is None else self.day(name)

    def whole_or_none(self, name: str) -> int | None:
        return None if self.get(name) is None else self.whole(name)

    def flag(self, name: str) -> bool:
        """The flag ``name``; False when it is absent."""
        return bool(self.get(name))

    @staticmethod
    def _typed(name: str, value: object, kind: type[T]) -> T:
        if not isinstance(value, kind):
            raise TypeError(
                f"{name}: {kind.__name__} が要りますが {type(value).__name__} です / wrong type in the profile"
            )
        return value
