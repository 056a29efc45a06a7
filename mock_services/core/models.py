"""基幹: its own 宛名情報 in its own number space. No HTTP.

公開: whoever has no number is looked for in a core system's 宛名情報 by 基本4情報 (手順書5章③-3 iii). 仮定: that it is had as one
full file, and its items.
"""

from __future__ import annotations

from collections.abc import Iterable

from mock_services.models import AtenaRecord


class AtenaStore:
    """宛名情報 of one core system, by its own 業務宛名番号."""

    def __init__(self) -> None:
        self._rows: dict[str, AtenaRecord] = {}

    def replace(self, rows: Iterable[AtenaRecord]) -> None:
        """Replace the whole table. ValueError (and nothing changes) when a number stands twice."""
        table: dict[str, AtenaRecord] = {}
        for row in rows:
            if row.atena_no in table:
                raise ValueError("同じ業務宛名番号が二度あります / a number stands twice")
            table[row.atena_no] = row
        self._rows = table

    def full(self) -> list[AtenaRecord]:
        return [self._rows[number] for number in sorted(self._rows)]
