"""住基ネットCS: a request of 既存住基 in canonical values in, the content of the answer's file out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, cast

from mock_services.juki_cs.models import Certificate, CsTown
from mock_services.wiring import Record

Mode = Literal["full", "diff"]


@dataclass(frozen=True)
class Asked:
    """One request. ``number`` is its 世代番号, ``since`` the generation that a difference continues from."""

    number: int
    wanted: str
    since: int
    persons: frozenset[str]

    @classmethod
    def of(cls, header: Record, persons: list[Record]) -> Asked:
        return cls(
            number=cast(int, header["generation"]),
            wanted=str(header["wanted"]),
            since=cast("int | None", header["since"]) or 0,
            persons=frozenset(str(one["juminhyo_code"]) for one in persons),
        )


@dataclass(frozen=True)
class Content:
    """What an answer says: which file it is, of which generation, with which rows; ``result`` is its 処理結果."""

    mode: Mode
    generation: int
    result: str = "ok"
    rows: list[Record] = field(default_factory=list)


def full(town: CsTown, _asked: Asked) -> Content:
    generation = town.next_generation()
    return Content("full", generation, rows=[_row(town.certificates[serial]) for serial in sorted(town.certificates)])


def diff(town: CsTown, asked: Asked) -> Content:
    """What changed since the generation that was asked for; ``gap`` when the CS cannot go on from there."""
    changes = town.since(asked.since)
    if changes is None:
        return Content("diff", town.generation, "gap")
    rows = [_row(one.certificate) | {"change": one.kind} for one in changes]
    return Content("diff", town.next_generation(), rows=rows)


def persons(town: CsTown, asked: Asked) -> Content:
    """The certificates of these people, whatever the generation."""
    rows = [_row(one) for one in town.certificates.values() if one.juminhyo_code in asked.persons]
    return Content("full", town.generation, "ok" if rows else "nothing", rows)


def _row(one: Certificate) -> Record:
    return {
        "juminhyo_code": one.juminhyo_code,
        "serial": one.serial,
        "valid_from": one.valid_from,
        "valid_to": one.valid_to,
        "state": one.state,
        "changed_at": one.changed_at,
        "reason": one.reason,
        "medium": one.medium,
    }


ANSWERS: dict[str, Callable[[CsTown, Asked], Content]] = {"full": full, "diff": diff, "persons": persons}
"""By what is wanted."""
