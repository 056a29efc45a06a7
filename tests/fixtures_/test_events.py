"""Events over the base function: only they are stored, every question names its day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from fixtures.errors import FixtureError
from fixtures.people.events import Event, Overlay
from fixtures.people.nation import Nation

DATE = date(2026, 11, 24)
POPULATION = Nation("test", 5, DATE).population("991236", 5_000)
LATER = DATE + timedelta(days=30)
AFTER = DATE + timedelta(days=60)


def holder() -> int:
    return next(index for index in range(100) if [one.slot for one in POPULATION.issued(index)] == [0])


def test_nothing_changes_before_its_day() -> None:
    overlay = Overlay(POPULATION, [Event(LATER, "death", 3), Event(LATER, "move", 4, to_household=9)])
    assert overlay.resident(3, DATE) == POPULATION.resident(3)
    assert overlay.resident(3, AFTER).state == "deceased"
    assert overlay.resident(4, AFTER).address == POPULATION.address(9).municipal
    assert overlay.resident(5, AFTER) == POPULATION.resident(5)


def test_a_renewal_gives_a_new_serial_and_revokes_the_old() -> None:
    who = holder()
    overlay = Overlay(POPULATION, [Event(LATER, "renewal", who), Event(AFTER, "renewal", who)])
    before, after = overlay.cards(who, DATE), overlay.cards(who, AFTER)
    assert [one.revoked for one in before] == [False]
    assert [one.revoked for one in after] == [True, True, False]
    assert len({one.serial for one in after}) == 3
    for card in after:
        found = overlay.find_serial(card.serial, AFTER)
        assert found is not None
        assert found[0].index == who
        assert found[1] == card
    assert overlay.find_serial(after[-1].serial, LATER) is None


def test_a_reissue_replaces_a_phone_adds_a_move_ends_signing_alone() -> None:
    who = holder()
    day = [DATE + timedelta(days=number) for number in range(1, 5)]
    kinds = ("phone", "move", "reissue", "revocation")
    events = [Event(on, kind, who, to_household=9) for on, kind in zip(day, kinds, strict=True)]  # type: ignore[arg-type]
    overlay = Overlay(POPULATION, events)
    states = [[(one.revoked, one.sign_revoked) for one in overlay.cards(who, on)] for on in day]
    dead = (True, True)
    assert states[0] == [(False, False)] * 2
    assert states[1] == [(False, True)] * 2
    assert states[2] == [dead, dead, (False, False)]
    assert states[3] == [dead] * 3
    assert len({serial for one in overlay.cards(who, day[3]) for serial in (one.serial, one.sign_serial)}) >= 3
    for card in overlay.cards(who, day[3]):
        assert overlay.find_serial(card.serial, day[3]) == (overlay.resident(who, day[3]), card)


def test_the_newborn_has_numbers_that_lead_back() -> None:
    mother = POPULATION.resident(0)
    overlay = Overlay(POPULATION, [Event(LATER, "birth", 0), Event(AFTER, "birth", 1)])
    assert overlay.persons(DATE) == POPULATION.residents
    assert overlay.persons(LATER) == POPULATION.residents + 1
    child = overlay.resident(POPULATION.residents, LATER)
    assert (child.birth_date, child.address, child.household) == (LATER, mother.address, mother.household)
    assert overlay.find_juminhyo_code(child.juminhyo_code, LATER) == child
    assert overlay.find_juminhyo_code(child.juminhyo_code, DATE) is None
    assert POPULATION.index_of_juminhyo_code(child.juminhyo_code) is None
    assert overlay.cards(child.index, LATER) == ()
    with pytest.raises(FixtureError):
        overlay.resident(POPULATION.residents + 1, LATER)


def test_a_death_revokes_and_a_move_out_shows() -> None:
    who = holder()
    overlay = Overlay(POPULATION, [Event(LATER, "move_out", who), Event(AFTER, "death", who)])
    assert overlay.resident(who, LATER).state == "moved_out"
    assert not overlay.cards(who, LATER)[-1].revoked
    assert all(one.revoked for one in overlay.cards(who, AFTER))


@pytest.mark.parametrize("event", [Event(DATE - timedelta(days=1), "death", 0), Event(LATER, "death", 10**7)])
def test_impossible_events_are_named(event: Event) -> None:
    with pytest.raises(FixtureError):
        Overlay(POPULATION, [event])
