"""番号紐付情報 and 宛名情報 at the start of a run."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from fixtures.cases import AtenaRow
from fixtures.errors import FixtureError
from fixtures.world import World


def _by_number(world: World, core: str) -> dict[str, AtenaRow]:
    rows = world.atena(core)
    found = {row.atena_no: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_links_are_canonical_and_lead_to_residents(world: World) -> None:
    links, persons = world.links(), {row.juki_atena_no for row in world.atena("jido_teate")}
    assert len({row.serial for row in links}) == len(links) > 300
    for row in links:
        assert row.serial == f"{int(row.serial, 16):X}"
        assert row.atena_no in persons
        assert row.valid_from < row.valid_to
    assert {row.state for row in links} == {"valid", "revoked", "expired"}
    assert all(row.valid_to > world.reference_date for row in links if row.state == "valid")
    assert max(Counter(row.atena_no for row in links).values()) == 2


def test_no_person_has_lost_the_link_of_the_start(world: World) -> None:
    late = world.case("k01-late-serial")
    assert late.late_links
    assert late.late_links[0].serial not in {row.serial for row in world.links()}
    assert late.truth.signer is not None
    assert late.late_links[-1].atena_no == late.truth.signer.juki_atena_no


def test_jido_teate_uses_the_numbers_of_the_residents_register(world: World) -> None:
    for row in world.atena("jido_teate"):
        assert row.juki_atena_no in (row.atena_no, "")


def test_every_kaigo_number_is_somebody_elses_juki_number(world: World) -> None:
    kaigo = _by_number(world, "kaigo")
    owner = {row.juki_atena_no: row.name for row in kaigo.values() if row.juki_atena_no}
    for row in kaigo.values():
        if row.state != "resident":
            continue
        assert row.atena_no != row.juki_atena_no
        assert row.atena_no in owner
        assert kaigo[row.juki_atena_no].juki_atena_no != row.juki_atena_no, "the juki number misleads inside kaigo too"


def test_people_who_are_not_residents(world: World) -> None:
    states = Counter(row.state for row in world.atena("kaigo"))
    assert set(states) == {"resident", "moved_out", "deceased", "non_resident", "erased"}
    for row in world.atena("kaigo"):
        assert (row.juki_atena_no == "") == (row.state == "non_resident")


def test_both_systems_know_the_same_people(world: World) -> None:
    def people(core: str) -> set[tuple[str, str, date | None, str, str]]:
        return {(row.juki_atena_no, row.name, row.birth_date, row.gender, row.address) for row in world.atena(core)}

    assert people("jido_teate") == people("kaigo")
    assert world.core_systems() == ("jido_teate", "kaigo")
    with pytest.raises(FixtureError, match="nowhere"):
        world.atena("nowhere")


def test_namesakes_and_doubles(world: World) -> None:
    def equals(case: str, *parts: str) -> int:
        signer = world.case(case).truth.signer
        assert signer is not None
        rows = _by_number(world, "jido_teate")
        me = rows[signer.numbers["jido_teate"]]
        return sum(all(getattr(row, part) == getattr(me, part) for part in parts) for row in rows.values())

    four = ("name", "birth_date", "gender", "address")
    assert equals("k01-namesake", "name", "birth_date") == 4
    for left_out in four:
        assert equals("k01-namesake", *(part for part in four if part != left_out)) == 2, left_out
    assert equals("k01-namesake", *four) == 1
    assert equals("k01-ambiguous", *four) == 2
    assert equals("k01-plain", *four) == 1


def test_a_wrong_municipality_code_is_refused() -> None:
    with pytest.raises(FixtureError, match="991235"):
        World(seed=1, reference_date=date(2026, 11, 24), dantai_code="991235")
