"""団体内統合宛名: which 宛名番号 of which business belong to one person (名寄せ). No HTTP.

公開: a person merged into another (名寄せ元) keeps its number and points to the other (名寄せ先宛名番号). 仮定: the
団体内統合宛名番号 is one per person after merging; a person may have none yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mock_services.models import TogoRecord
from mock_services.togo.errors import BadRequestError, Breach

Key = tuple[str, str]
"""(業務ID, 宛名番号)"""


@dataclass(frozen=True)
class Found:
    """One answer: the number that counts now, and where the person was merged into."""

    atena_no: str
    togo_atena_no: str
    merged_into: str


class TogoStore:
    """One row per (業務ID, 宛名番号)."""

    def __init__(self) -> None:
        self._rows: dict[Key, TogoRecord] = {}

    def replace(self, rows: Iterable[TogoRecord]) -> None:
        """Replace everything. ValueError (and nothing changes) for a number twice, or merging that leads nowhere."""
        table: dict[Key, TogoRecord] = {}
        for row in rows:
            key = (row.gyomu_id, row.atena_no)
            if key in table:
                raise ValueError("同じ業務の同じ宛名番号が二度あります / a number stands twice")
            table[key] = row
        for row in table.values():
            _target(table, row)
        self._rows = table

    def full(self) -> list[TogoRecord]:
        return [self._rows[key] for key in sorted(self._rows)]

    def lookup(self, gyomu_id: str, atena_no: str) -> list[Found]:
        """The number of one person; empty while the person (or the one merged into) has none.

        BadRequestError (relation) for a 業務ID under which nobody is held.
        """
        row = self._rows.get((gyomu_id, atena_no))
        if row is None:
            if all(known != gyomu_id for known, _ in self._rows):
                raise BadRequestError([Breach("relation", "gyomu_id")])
            return []
        target = _target(self._rows, row)
        merged_into = target.atena_no if target is not row else ""
        return [Found(atena_no, target.togo_atena_no, merged_into)] if target.togo_atena_no else []

    def reverse(self, togo_atena_no: str) -> list[Key]:
        """Every (業務ID, 宛名番号) that stands for this person, merged ones too, in order."""
        return sorted(key for key, row in self._rows.items() if _target(self._rows, row).togo_atena_no == togo_atena_no)


def _target(table: dict[Key, TogoRecord], row: TogoRecord) -> TogoRecord:
    """Where merging ends. ValueError when it leads to nobody or in a circle."""
    seen = {row.atena_no}
    while row.merged_into:
        following = table.get((row.gyomu_id, row.merged_into))
        if following is None or following.atena_no in seen:
            raise ValueError("名寄せ先が無いか、輪になっています / merged into nobody, or in a circle")
        seen.add(following.atena_no)
        row = following
    return row
