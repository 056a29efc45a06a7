"""What a check is written with: the marker that ties it to its catalogue id, and a few ways to say 不適合."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NoReturn, TypeVar

from conformance.outcomes import Finding, Nonconformity
from conformance.record import Record

Body = Callable[[Record], None] | Callable[[dict[str, Record]], None]
F = TypeVar("F", bound=Body)

REGISTRY: dict[str, str] = {}
"""Check id → function name; the runner maps a dead worker's test back to its check by it."""


def check(check_id: str) -> Callable[[F], F]:
    """Marks ``body`` as the observation of catalogue entry ``check_id``. Two bodies for one id are refused."""

    def mark(body: F) -> F:
        if REGISTRY.get(check_id, body.__name__) != body.__name__ or body.__name__ in (
            name for other, name in REGISTRY.items() if other != check_id
        ):
            raise ValueError(f"{check_id}: {body.__name__} stands twice in the suite")
        REGISTRY[check_id] = body.__name__
        setattr(body, "check_id", check_id)  # noqa: B010 - a mark on a function, no attribute of its type
        return body

    return mark


def fail(
    ja: str,
    en: str,
    *,
    case: str = "",
    sent: str = "",
    expected: str = "",
    actual: str = "",
    exchanges: Iterable[int] = (),
) -> NoReturn:
    """不適合: what was sent, what was expected, what was there."""
    raise Nonconformity(
        Finding(ja=ja, en=en, case=case, sent=sent, expected=expected, actual=actual, exchanges=tuple(exchanges))
    )


def same(
    what_ja: str,
    what_en: str,
    *,
    expected: object,
    actual: object,
    case: str = "",
    sent: str = "",
    exchanges: Iterable[int] = (),
) -> None:
    """不適合 unless ``actual`` equals ``expected``."""
    if actual != expected:
        fail(
            f"{what_ja}が一致しない",
            f"{what_en} differs",
            case=case,
            sent=sent,
            expected=shown(expected),
            actual=shown(actual),
            exchanges=exchanges,
        )


def shown(value: object) -> str:
    """A value for a reader: strings with their invisible characters made visible, long ones cut with their length."""
    text = value if isinstance(value, str) else repr(value)
    visible = "".join(c if c.isprintable() or c == "\u3000" else f"⟨U+{ord(c):04X}⟩" for c in text)
    visible = visible.replace("\ufe0f", "⟨U+FE0F⟩")
    return visible if len(visible) <= 600 else f"{visible[:600]}…（全{len(visible)}字）"
