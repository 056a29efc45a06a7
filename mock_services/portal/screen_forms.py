"""Between an HTML form and what a resident typed: field names, repeated groups, values that are known already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from interface_spec.procedures import FormItemSpec, Procedure
from mock_services.portal.forms import HINTS, Problem, Typed
from mock_services.portal.people import Person

_COUNT = re.compile(r"[0-9]{1,3}", re.ASCII)


@dataclass(frozen=True)
class Field:
    """One input on the screen."""

    name: str
    spec: FormItemSpec
    value: str
    hint: str
    error: str


@dataclass(frozen=True)
class Block:
    """The single items (``group`` "") or one occurrence of a group."""

    group: str
    title: str
    occurrence: int
    fields: tuple[Field, ...]


def field_name(spec: FormItemSpec, occurrence: int) -> str:
    return f"{spec.id}-{occurrence}" if spec.group else spec.id


def counts(procedure: Procedure, form: Mapping[str, str]) -> dict[str, int]:
    """How many occurrences of each group the screen shows: what the form says, within the group's bounds."""
    found = {}
    for name, group in procedure.groups.items():
        stated = form.get(f"count-{name}", "")
        wanted = int(stated) if _COUNT.fullmatch(stated) else max(1, group.least)
        found[name] = min(max(wanted, group.least), group.most)
    return found


def changed_counts(procedure: Procedure, form: Mapping[str, str], action: str) -> dict[str, int]:
    """After 「追加」 or 「減らす」 (``add:children``, ``remove:children``)."""
    found = counts(procedure, form)
    verb, _, group = action.partition(":")
    if group in found:
        step = {"add": 1, "remove": -1}.get(verb, 0)
        bounds = procedure.groups[group]
        found[group] = min(max(found[group] + step, bounds.least), bounds.most)
    return found


def typed(procedure: Procedure, form: Mapping[str, str], shown: Mapping[str, int]) -> tuple[Typed, ...]:
    """Every value of the form; line ends as one line feed, an unticked box as 0."""
    found = []
    for spec in procedure.items:
        for occurrence in range(1, (shown[spec.group] if spec.group else 1) + 1):
            value = form.get(field_name(spec, occurrence), "").replace("\r\n", "\n").strip()
            if spec.type == "flag":
                value = "1" if value == "1" else "0"
            found.append(Typed(spec.id, value, spec.group, occurrence))
    return tuple(found)


def blocks(
    procedure: Procedure, form: Mapping[str, str], shown: Mapping[str, int], problems: Iterable[Problem]
) -> list[Block]:
    """What the screen draws, with errors where they belong."""
    errors = {(one.item_id, one.occurrence): one.ja for one in problems}

    def field(spec: FormItemSpec, occurrence: int) -> Field:
        name = field_name(spec, occurrence)
        hint = HINTS.get(spec.type, "")
        return Field(name, spec, form.get(name, ""), hint, errors.get((spec.id, occurrence), ""))

    single = tuple(field(one, 1) for one in procedure.items if not one.group)
    found = [Block("", "", 1, single)] if single else []
    for name, group in procedure.groups.items():
        members = [one for one in procedure.items if one.group == name]
        for occurrence in range(1, shown[name] + 1):
            fields = tuple(field(one, occurrence) for one in members)
            found.append(Block(name, f"{group.ja}（{occurrence}）", occurrence, fields))
    return found


def known_values(procedure: Procedure, person: Person) -> dict[str, str]:
    """What the card's 基本4情報 fill in beforehand, by the names that the forms of this repository use."""
    resident = person.resident
    values = {
        "name": resident.name,
        "kana": resident.kana,
        "birth_date": resident.birth_date.isoformat(),
        "address": resident.address,
    }
    found = {}
    for spec in procedure.items:
        head, _, part = spec.id.partition("_")
        if not spec.group and spec.id in values:
            found[spec.id] = values[spec.id]
        elif not spec.group and head in ("claimant", "mover", "visitor", "applicant", "recipient") and part in values:
            found[spec.id] = values[part]
        elif not spec.group and spec.id == "old_address":
            found[spec.id] = resident.address
    return found
