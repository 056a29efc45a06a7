"""The area table: every municipality of Japan, the 20 designated cities with their wards."""

from __future__ import annotations

import pytest

from fixtures.errors import FixtureError
from fixtures.numbers import checked_dantai_code
from fixtures.people.areas import CENSUS, GUESS, by_ordinal, codes, municipality


def test_there_are_1741_municipalities() -> None:
    assert len(codes()) == len(set(codes())) == 1741
    assert all(checked_dantai_code(code) == code for code in codes())
    assert {code[:2] for code in codes()} == {f"{number:02d}" for number in range(1, 48)}


def test_twenty_designated_cities_with_171_wards() -> None:
    found = [municipality(code) for code in codes()]
    designated = [one for one in found if one.wards]
    assert len(designated) == 20
    assert sum(len(one.wards) for one in designated) == 171
    assert sum(one.name.endswith("区") for one in found) == 23
    yokohama = municipality("141003")
    assert (yokohama.name, yokohama.prefecture, len(yokohama.wards)) == ("横浜市", "神奈川県", 18)
    assert {one.population_source for one in designated} == {CENSUS}
    assert {one.population_source for one in found if not one.wards} == {GUESS}
    assert yokohama.population == max(one.population for one in found)
    assert all(town.city.startswith("横浜市") for town in yokohama.towns)


def test_every_municipality_has_places_and_a_size() -> None:
    total = 0
    for ordinal, code in enumerate(codes()):
        one = municipality(code)
        assert one.towns
        assert one.population > 0
        assert one.ordinal == ordinal
        assert by_ordinal(ordinal) == code
        total += one.population
    assert 120_000_000 < total < 132_000_000


@pytest.mark.parametrize("code", ["141011", "480002", "991236"])
def test_wards_and_strangers_are_no_municipality(code: str) -> None:
    with pytest.raises(FixtureError, match=code):
        municipality(code)
    with pytest.raises(FixtureError, match="1741"):
        by_ordinal(1741)
