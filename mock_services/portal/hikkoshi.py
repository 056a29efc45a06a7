"""転出届 to the old town and 転入予約 to the new one (図表5): in one go, or one after the other, which are paired then.

The forms are ours (仮定), and so are the table between them and what makes two of them a pair.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Protocol

from fixtures.cases.model import ItemTruth
from fixtures.population import Resident
from interface_spec.procedures import Procedure
from mock_services.portal.forms import Typed
from mock_services.portal.people import Person


class Sent(Protocol):
    """One application of the two, as it was sent."""

    @property
    def procedure(self) -> Procedure: ...

    @property
    def dantai_code(self) -> str: ...

    @property
    def items(self) -> tuple[ItemTruth, ...]: ...

    @property
    def sender(self) -> Person | None: ...


TENSHUTSU, YOYAKU = "M01", "M02"
_SINGLE = {
    "visitor_name": "mover_name",
    "visitor_kana": "mover_kana",
    "visitor_birth_date": "mover_birth_date",
    "phone": "phone",
    "old_address": "old_address",
    "new_address": "new_address",
    "new_postal": "new_postal",
    "move_date": "move_date",
}
_MEMBER = {"member_name", "member_birth_date", "member_relation"}


def reservation(items: Iterable[ItemTruth], visit_date: str, visit_time: str) -> tuple[Typed, ...]:
    """The values of 転入予約 for the people of a 転出届."""
    given = list(items)
    single = {one.item_id: one.value for one in given if not one.group}
    found = [Typed(own, single[of]) for own, of in _SINGLE.items()]
    found += [
        Typed("move_kind", "転入"),
        Typed("visit_date", visit_date),
        Typed("visit_time", visit_time),
        Typed("office_name", "市民課"),
    ]
    found += [Typed(one.item_id, one.value, one.group, one.occurrence) for one in given if one.item_id in _MEMBER]
    return tuple(found)


def are_a_pair(left: Sent, right: Sent) -> bool:
    """Whether they are the 転出届 and the 転入予約 of one move: one person, one 異動日, two towns, whoever passed them on."""
    kinds = {left.procedure.id: left, right.procedure.id: right}
    if kinds.keys() != {TENSHUTSU, YOYAKU} or left.sender is None or left.sender is not right.sender:
        return False
    moves_in = ("move_kind", "転入") in {(one.item_id, one.value) for one in kinds[YOYAKU].items}
    return moves_in and left.dantai_code != right.dantai_code and moved_on(left.items) == moved_on(right.items)


def movers(items: Iterable[ItemTruth], sender: Person) -> list[Resident]:
    """Who moves: the sender, and whoever of the household the 転出届 names (name and 生年月日 as registered)."""
    found: dict[int, dict[str, str]] = {}
    for one in items:
        if one.group:
            found.setdefault(one.occurrence, {})[one.item_id] = one.value
    named = {(one.get("member_name", ""), one.get("member_birth_date", "")) for one in found.values()}
    return [
        one
        for one in sender.household
        if one.index == sender.resident.index or (one.name, one.birth_date.isoformat()) in named
    ]


def moved_on(items: Iterable[ItemTruth]) -> date:
    """異動日 of a 転出届."""
    return next(date.fromisoformat(one.value) for one in items if one.item_id == "move_date")
