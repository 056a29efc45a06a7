"""The population is a function: any resident alone, consistent with the household, plausible and distinct."""

from __future__ import annotations

from datetime import date

import pytest

from fixtures.draw import Draw
from fixtures.errors import FixtureError
from fixtures.numbers import juminhyo_check_digit
from fixtures.people.areas import fictional
from fixtures.people.shapes import BLOCK_RESIDENTS, SHAPES
from fixtures.population import Population
from fixtures.town import fifth_birthday_after

DATE = date(2026, 11, 24)
CITY = fictional("991236", "架空湊市", "架空県", 1000)


@pytest.fixture(scope="module")
def population() -> Population:
    return Population(Draw("test", 7), DATE, CITY, 20 * BLOCK_RESIDENTS)


def test_resident_alone_equals_resident_in_household(population: Population) -> None:
    members = [one for household in range(population.households) for one in population.members(household)]
    assert [one.index for one in members] == list(range(population.residents))
    for index in (0, 1, 17, 123, population.residents - 1):
        assert population.resident(index) == members[index]


def test_a_resident_far_away_costs_nothing_before(population: Population) -> None:
    huge = Population(Draw("test", 7), DATE, CITY, 10_000 * BLOCK_RESIDENTS)
    assert huge.resident(200_000).index == 200_000
    assert huge.resident(42) == population.resident(42)


def test_shapes_and_slots(population: Population) -> None:
    for shape, spec in SHAPES.items():
        household = population.household_of_shape(shape, 3)
        assert population.shape(household) == shape
        assert tuple(one.role for one in population.members(household)) == spec.roles
    with pytest.raises(FixtureError, match="couple-9"):
        population.household_of_shape("couple-9", 0)
    with pytest.raises(FixtureError, match="120"):
        population.household_of_shape("single", 120)
    with pytest.raises(FixtureError):
        population.resident(population.residents)


def test_ages_fit_the_roles(population: Population) -> None:
    for household in range(population.households):
        members = {one.role: one for one in population.members(household)}
        for role, one in members.items():
            years = (DATE - one.birth_date).days / 365.25
            low, high = (0, 18) if role.startswith("child") else (64, 98) if role.startswith("elder") else (18, 74)
            assert low <= years < high, (role, years)
        children = [one for role, one in members.items() if role.startswith("child")]
        assert len({one.name for one in children}) == len(children)
        assert len({one.name.split("　")[0] for one in members.values()}) == 1


def test_names_carry_their_reading(population: Population) -> None:
    for index in range(200):
        one = population.resident(index)
        assert one.name.count("　") == one.kana.count("　") == 1
        assert all("ァ" <= character <= "ヶ" or character in "ー　" for character in one.kana)


def test_numbers_codes_and_addresses_are_distinct(population: Population) -> None:
    residents = [population.resident(index) for index in range(population.residents)]
    numbers = {population.number(one.index) for one in residents}
    assert len(numbers) == len(residents)
    assert all(len(number) == 15 and number.isdigit() for number in numbers)
    assert len({one.juminhyo_code for one in residents}) == len(residents)
    assert all(juminhyo_check_digit(one.juminhyo_code[:10]) == one.juminhyo_code[10] for one in residents)
    assert len({one.address for one in residents}) == population.households


def test_address_forms(population: Population) -> None:
    address = population.address(5)
    assert address.municipal.startswith("架空県架空湊市")
    assert "丁目" in address.municipal
    assert not any(character.isascii() for character in address.municipal + address.hyphenated)
    assert address.hyphenated != address.municipal


@pytest.mark.parametrize(
    ("issued", "birth", "end"),
    [
        (date(2024, 6, 1), date(1990, 7, 1), date(2028, 7, 1)),
        (date(2024, 8, 1), date(1990, 7, 1), date(2029, 7, 1)),
        (date(2024, 7, 1), date(1990, 7, 1), date(2029, 7, 1)),
        (date(2024, 1, 1), date(1992, 2, 29), date(2028, 2, 28)),
    ],
)
def test_certificates_end_on_the_fifth_birthday(issued: date, birth: date, end: date) -> None:
    assert fifth_birthday_after(issued, birth) == end
