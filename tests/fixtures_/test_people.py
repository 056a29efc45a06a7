"""The population as a function: bijective, the same in any block size, plausible, far away for the same price."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.draw import Draw
from fixtures.errors import FixtureError
from fixtures.numbers import juminhyo_check_digit, juminhyo_rule
from fixtures.people.areas import codes
from fixtures.people.columns import Traits
from fixtures.people.mixing import Scramble
from fixtures.people.nation import Nation
from fixtures.people.repertoire import certified
from fixtures.people.texts import decimal, hexadecimal, juminhyo
from fixtures.people.words import words
from fixtures.population import CARD_SLOTS, Population

DATE = date(2026, 11, 24)
NATION = Nation("test", 5, DATE)
LARGEST = "141003"
HAMLETS = tuple(codes()[place] for place in (100, 900, 1700))


@pytest.fixture(scope="module")
def city() -> Population:
    return NATION.population(LARGEST)


@given(
    a=st.integers(2, 2**20),
    b=st.integers(2, 2**20),
    seed=st.integers(0, 99),
    values=st.lists(st.floats(0, 1), min_size=1),
)
@settings(max_examples=200, deadline=None)
def test_a_scramble_is_undone(a: int, b: int, seed: int, values: list[float]) -> None:
    scramble = Scramble.drawn(Draw("test", seed), "s", a, b)
    numbers = np.array([min(int(one * scramble.size), scramble.size - 1) for one in values], np.uint64)
    images = scramble.forward(numbers)
    assert (images < np.uint64(scramble.size)).all()
    assert (scramble.back(images) == numbers).all()
    assert [scramble.one(int(one)) for one in numbers] == images.tolist()
    assert [scramble.one_back(int(one)) for one in images] == numbers.tolist()


@pytest.mark.parametrize(("a", "b"), [(1, 7), (10, 10), (13, 77), (64, 32), (100, 99)])
def test_a_scramble_hits_everything_once(a: int, b: int) -> None:
    scramble = Scramble.drawn(Draw("test"), "s", a, b)
    every = np.arange(scramble.size, dtype=np.uint64)
    assert sorted(scramble.forward(every).tolist()) == every.tolist()


@given(index=st.integers(0, 3_777_000), slot=st.integers(0, CARD_SLOTS - 1))
@settings(max_examples=100, deadline=None)
def test_every_number_leads_back(index: int, slot: int) -> None:
    city = NATION.population(LARGEST)
    person = city.resident(index)
    assert city.index_of_juminhyo_code(person.juminhyo_code) == index
    assert city.index_of_number(city.number(index)) == index
    assert city.index_of_serial(city.serial(index, slot)) == (index, slot)
    assert NATION.find_juminhyo_code(person.juminhyo_code) == (city, index)
    assert NATION.find_serial(city.serial(index, slot)) == (city, index, slot)
    if person.merged_from:
        assert city.index_of_number(person.merged_from) == index


@given(digits=st.integers(0, 10**10 - 1))
@settings(max_examples=100, deadline=None)
def test_any_code_is_somebody_or_nobody(digits: int) -> None:
    ten = f"{digits:010d}"
    code = ten + juminhyo_check_digit(ten)
    found = NATION.find_juminhyo_code(code)
    assert found is None or found[0].resident(found[1]).juminhyo_code == code
    wrong = ten + str((int(code[10]) + 1) % 10)
    assert NATION.find_juminhyo_code(wrong) is None


@given(start=st.integers(0, 50_000), count=st.integers(1, 300), cut=st.integers(1, 299))
@settings(max_examples=30, deadline=None)
def test_a_block_is_its_parts(start: int, count: int, cut: int) -> None:
    city = NATION.population(LARGEST)
    whole = city.block(start, count).columns()
    cut = min(cut, count)
    parts = [city.block(start, cut).columns(), city.block(start + cut, count - cut).columns()]
    for name, column in whole.items():
        assert column.tolist() == [*parts[0][name].tolist(), *parts[1][name].tolist()], name


def test_numbers_are_distinct_over_municipalities_and_cards() -> None:
    found: list[str] = []
    serials: list[str] = []
    for dantai_code in (LARGEST, *HAMLETS):
        columns = NATION.population(dantai_code).block(0, 3_000).columns()
        assert len(set(columns["atena_no"].tolist())) == 3_000
        found += columns["juminhyo_code"].tolist()
        serials += [one for name in ("serial", "phone_serial") for one in columns[name].tolist() if one]
    assert len(set(found)) == len(found) == 12_000
    assert len(set(serials)) == len(serials)


def test_people_are_plausible(city: Population) -> None:
    block = city.block(0, 94_000)
    age = (np.datetime64(DATE) - block.birth).astype(int) / 365.25
    assert 0.18 < (age >= 65).mean() < 0.32
    assert 0.12 < (age < 18).mean() < 0.30
    assert age.min() < 0.5
    assert age.max() < 100
    assert 0.49 < block.gender.mean() < 0.54
    assert 0.6 < (block.serial > 0).mean() < 0.85
    assert (block.sign_serial[age < 15] == 0).all()
    columns = block.columns()
    addresses = set(zip(columns["household"].tolist(), columns["address"].tolist(), strict=True))
    assert len({address for _, address in addresses}) == len(addresses)
    assert all(one.startswith("神奈川県横浜市") for one in columns["address"].tolist())


def test_special_people_are_there(city: Population) -> None:
    columns = city.block(0, 47_000).columns()
    some = {name: [one for one in columns[name].tolist() if one] for name in columns}
    for name in ("tsusho", "former_surname", "merged_from", "phone_serial"):
        assert 10 < len(some[name]) < 47_000, name
    assert {"resident", "moved_out", "deceased"} == set(columns["state"].tolist())
    assert any(one.endswith("-00-00") for one in columns["birth_date"].tolist())
    assert any(one.endswith("-00") and not one.endswith("-00-00") for one in columns["birth_date"].tolist())
    assert "1" in columns["protected"].tolist()
    assert "" in columns["integrated_no"].tolist()
    names = "".join(columns["name"].tolist())
    assert all(character in names for character in "髙﨑𠮷󠄀Ｎ")


def test_a_look_up_among_126_million_finds_the_one() -> None:
    city = NATION.population(LARGEST)
    assert NATION.total() > 126_000_000
    for index in range(0, 3_000_000, 300_000):
        found = NATION.find_juminhyo_code(city.juminhyo_code(index))
        assert found is not None
        assert (found[0].municipality.dantai_code, found[1]) == (LARGEST, index)
        assert city.resident(index).index == index


def test_texts_of_numbers() -> None:
    numbers = np.array([0, 7, 999_999_999_999, 2_472_705_960], np.uint64)
    assert decimal(numbers, 15).tolist() == [f"{int(one):015d}" for one in numbers]
    assert decimal(numbers[:2], 3).tolist() == ["000", "007"]
    assert hexadecimal(np.array([2**40, 2**41 - 1], np.uint64), 11).tolist() == ["10000000000", "1FFFFFFFFFF"]
    assert juminhyo(np.array([2_472_705_960, 1], np.uint64), juminhyo_rule()).tolist() == [
        "24727059608",
        f"0000000001{juminhyo_check_digit('0000000001')}",
    ]


def test_what_is_nobodys_is_none(city: Population) -> None:
    assert city.index_of_number("1") is None
    assert city.index_of_number("9" * 15) is None
    assert city.index_of_serial(5) is None
    assert city.index_of_juminhyo_code("x" * 11) is None
    hamlet = NATION.population(HAMLETS[0])
    assert city.index_of_juminhyo_code(hamlet.resident(0).juminhyo_code) is None
    with pytest.raises(FixtureError):
        city.block(city.residents - 1, 2)
    with pytest.raises(FixtureError, match="480002"):
        NATION.population("480002")


def test_another_seed_is_another_nation(city: Population) -> None:
    other = Nation("test", 6, DATE).population(LARGEST)
    same = sum(one == two for one, two in zip(city.people(0, 200), other.people(0, 200), strict=True))
    assert same == 0


def _repertoires(text: str) -> set[str]:
    """Which kinds of hard characters a name has."""
    kinds = set()
    for one in text:
        if 0xE0100 <= ord(one) < 0xE01F0:
            kinds.add("IVS")
            continue
        try:
            kinds.add("0212" if one.encode("euc_jp")[0] == 0x8F else "0208")
        except UnicodeEncodeError:
            kinds.add("beyond BMP" if ord(one) > 0xFFFF else "BMP only")
            with suppress(UnicodeEncodeError):
                kinds.add("0213 beyond BMP" if one.encode("euc_jis_2004") and ord(one) > 0xFFFF else "0213")
    return kinds


def test_the_hard_surnames_cover_every_repertoire() -> None:
    hard = [str(one).rstrip("　") for one in words().surname[words().usual :]]
    assert {kind for name in hard for kind in _repertoires(name)} >= {
        "0212",
        "0213",
        "0213 beyond BMP",
        "BMP only",
        "IVS",
    }
    assert {"髙", "﨑", "𠮷", "邉"} <= set("".join(hard))
    assert any("邉\U000e0100" in name for name in hard)


@pytest.mark.parametrize(
    ("name", "stated", "mask"),
    [
        ("山田　太郎", "山田　太郎", ""),
        ("𠮷田　髙", "〓田　〓", "1001"),
        ("濵田　麴", "濵田　麴", ""),
        ("渡邉\U000e0100　惠", "渡邉　惠", ""),
        ("山﨑　ＡＮ", "山〓　ＡＮ", "01000"),
    ],
)
def test_what_a_certificate_states(name: str, stated: str, mask: str) -> None:
    assert certified(name) == (stated, mask)


def test_certificate_names_in_columns_are_those_of_single_residents() -> None:
    population = Nation("test", 5, date(2026, 11, 24), Traits(hard_surname_household=5000)).population("131041")
    block = population.block(0, 400)
    names = block.columns()["certificate_name"].tolist()
    assert names == [certified(one.name)[0] for one in population.people(0, 400)]
    assert any("〓" in name for name in names)
