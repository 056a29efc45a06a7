"""転出届 with 転入予約 in one go (図表5): the second application is derived from the first and goes to the other town.

The forms are ours (仮定), and so is this table between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from fixtures.cases.model import ItemTruth
from fixtures.population import Resident
from mock_services.portal.forms import Typed
from mock_services.portal.people import Person

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
