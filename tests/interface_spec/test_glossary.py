"""The glossary explains every domain identifier of the contract data, once, with the place where the term stands."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from interface_spec.procedures import load_procedures
from interface_spec.profile import load_profile
from interface_spec.requirements import FEATURES, ROLES, load_requirements

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
ROW = re.compile(r"^\| (`[^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def _rows() -> list[tuple[tuple[str, ...], str, str, str]]:
    text = GLOSSARY.read_text(encoding="utf-8")
    return [(tuple(re.findall(r"`([^`]+)`", row[0])), row[1], row[2], row[3]) for row in ROW.findall(text)]


def _explained() -> set[str]:
    return {name for names, *_ in _rows() for name in names}


def test_every_row_has_its_four_columns_and_no_identifier_stands_twice() -> None:
    lines = [line for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert len(lines) == len(_rows()) > 60
    times = Counter(name for names, *_ in _rows() for name in names)
    assert [name for name, count in times.items() if count > 1] == []
    assert all(re.search(r"[ぁ-んァ-ヶ一-龠]", term) for _, term, *_ in _rows())


def test_rows_are_in_alphabetical_order() -> None:
    first = [names[0].lower().replace("_", "") for names, *_ in _rows()]
    assert first == sorted(first)


def test_core_systems_roles_features_and_sets_are_explained() -> None:
    cores = {one.core_system for one in load_procedures().values() if one.core_system}
    sets = {one.set for one in load_requirements().values()}
    headlines = {one.headline for one in load_requirements().values() if one.headline}
    assert cores | set(ROLES) | set(FEATURES) | sets | headlines | {"clause", "contract"} <= _explained()


def test_surfaces_and_romaji_wire_names_are_explained() -> None:
    profile = load_profile()
    assert set(profile.surfaces) <= _explained()
    paths = {
        part
        for surface in profile.surfaces.values()
        for one in surface.operations.values()
        for part in one.path.split("/")
    }
    romaji = {"himozuke", "zenken", "sabun", "shokai", "atena", "renkei"}
    assert romaji <= paths
    links = profile.operation("link", "lookup").row
    assert romaji | {item.wire for item in links.values()} <= _explained()


def test_clauses_that_name_a_requirement_name_a_real_one() -> None:
    cited = {name for *_, clause in _rows() for name in re.findall(r"[A-Z]+-[0-9.]+-\d\d", clause)}
    assert cited
    assert cited <= set(load_requirements())
