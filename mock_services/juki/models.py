"""既存住基: the link table with its change log. No HTTP.

公開: it takes serials from the CS, turns 住民票コード into 宛名番号 by its own master, holds which serial belongs to which
宛名番号, and lets 申請管理 refer to that (手順書5章②, ③-3 i). 仮定: 更新連番, files and calls of 番号紐付情報, their items.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mock_services.juki.errors import BadRequestError
from mock_services.models import LinkRecord


@dataclass(frozen=True)
class Change:
    """One line of the change log; of a deleted row it carries the last state."""

    seq: int
    kind: Literal["upsert", "delete"]
    row: LinkRecord


class LinkStore:
    """番号紐付情報. One row per serial; the 更新連番 grows with each change and never goes back, not even by `reset`."""

    def __init__(self) -> None:
        self._rows: dict[str, LinkRecord] = {}
        self._changes: list[Change] = []

    @property
    def last_seq(self) -> int:
        return len(self._changes)

    def put(self, rows: Iterable[LinkRecord]) -> int:
        """Add or update rows by serial; a row that is there already is no change. Returns `last_seq`."""
        for row in rows:
            if self._rows.get(row.serial) != row:
                self._rows[row.serial] = row
                self._changes.append(Change(self.last_seq + 1, "upsert", row))
        return self.last_seq

    def delete(self, serials: Iterable[str]) -> int:
        """Delete by serial. KeyError with the first unknown one, and then nothing is deleted. Returns `last_seq`."""
        wanted = list(dict.fromkeys(serials))
        for serial in wanted:
            if serial not in self._rows:
                raise KeyError(serial)
        for serial in wanted:
            self._changes.append(Change(self.last_seq + 1, "delete", self._rows.pop(serial)))
        return self.last_seq

    def reset(self) -> None:
        """Delete every row, as changes: a product that follows the differences ends up with an empty copy too."""
        self.delete(list(self._rows))

    def full(self) -> list[LinkRecord]:
        return [self._rows[serial] for serial in sorted(self._rows)]

    def since(self, seq: int) -> list[Change]:
        """The changes after ``seq``, oldest first. BadRequestError for a number that was never given out."""
        if not 0 <= seq <= self.last_seq:
            raise BadRequestError
        return self._changes[seq:]

    def lookup(self, serial: str) -> list[LinkRecord]:
        row = self._rows.get(serial)
        return [] if row is None else [row]
