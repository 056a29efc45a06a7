"""Check digits against published samples; numbering without collisions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from fixtures.draw import Draw
from fixtures.errors import FixtureError
from fixtures.numbers import (
    Permutation,
    check_digits,
    checked_dantai_code,
    dantai_check_digit,
    juminhyo_check_digit,
    juminhyo_rule,
)
from fixtures.outline import FICTIONAL_DANTAI_CODE
from fixtures.people.nation import Nation
from fixtures.world import World
from interface_spec.errors import SpecError
from interface_spec.profile import load_profile


@pytest.mark.parametrize(("five", "digit"), [("13101", "6"), ("01100", "2"), ("14100", "3"), ("27100", "4")])
def test_dantai_check_digit(five: str, digit: str) -> None:
    assert dantai_check_digit(five) == digit
    assert checked_dantai_code(five + digit) == five + digit


def test_juminhyo_check_digit() -> None:
    assert juminhyo_check_digit("2472705960") == "8"


RULES = load_profile().check_digits["juminhyo"].rules
BY_HAND = {"mod11-kojin-bango": "8", "mod11-renzoku": "2", "mod10-luhn": "2"}
"""The digit after 2472705960, worked out on paper."""


def test_every_rule_of_the_profile_says_where_it_comes_from() -> None:
    assert RULES.keys() == BY_HAND.keys()
    assert all(rule.provenance != "公開" and rule.source for rule in RULES.values())
    assert any(one.place == "check_digits.juminhyo" for one in load_profile().assumptions())


@pytest.mark.parametrize("name", RULES)
def test_a_rule_gives_one_digit_singly_and_in_columns(name: str) -> None:
    rule, body = RULES[name], "2472705960"
    assert juminhyo_check_digit(body, rule) == BY_HAND[name]
    numbers = np.arange(0, 10**10, 10**7 + 7, dtype=np.uint64)
    digits = check_digits(rule, numbers)
    assert set(digits.tolist()) == set(range(10))
    assert [juminhyo_check_digit(f"{number:010d}", rule) for number in numbers[:50]] == [
        str(one) for one in digits[:50]
    ]


def test_another_rule_by_overlay_reaches_every_code(tmp_path: Path) -> None:
    overlay = tmp_path / "luhn.toml"
    overlay.write_text('[check_digits.juminhyo]\nrule = "mod10-luhn"\n', encoding="utf-8")
    profile = load_profile("baseline", overlay)
    usual = World(seed=1, reference_date=date(2026, 11, 24))
    other = World(seed=1, reference_date=date(2026, 11, 24), profile=profile)
    codes = [one._town.population.resident(index).juminhyo_code for one in (usual, other) for index in range(60)]
    for first, second in zip(codes[:60], codes[60:], strict=True):
        assert first[:10] == second[:10]
        assert second[10] == juminhyo_check_digit(second[:10], RULES["mod10-luhn"])
    population = other._town.population
    assert codes[60:] == population.block(0, 60).columns()["juminhyo_code"].tolist()
    assert [population.index_of_juminhyo_code(code) for code in codes[60:]] == list(range(60))
    differing = [code for code in codes[:60] if code not in codes[60:]]
    assert len(differing) > 40
    assert all(population.index_of_juminhyo_code(code) is None for code in differing)
    nation = Nation("2", 1, date(2026, 11, 24), check_digit=juminhyo_rule(profile))
    code = nation.population("131041").juminhyo_code(7)
    found = nation.find_juminhyo_code(code)
    assert found is not None
    assert found[1] == 7


def test_a_rule_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    overlay = tmp_path / "odd.toml"
    overlay.write_text('[check_digits.juminhyo]\nrule = "mod97"\n', encoding="utf-8")
    with pytest.raises(SpecError, match=r"check_digits\.juminhyo.*mod10-luhn"):
        load_profile("baseline", overlay)


@pytest.mark.parametrize("code", ["131017", "13101", "1310166", "13101x", "１３１０１６"])
def test_wrong_dantai_code_is_refused(code: str) -> None:
    with pytest.raises(FixtureError, match="団体コード"):
        checked_dantai_code(code)


@pytest.mark.parametrize("body", ["123", "123456789a", "１２３４５６７８９０"])
def test_bad_bodies_are_refused(body: str) -> None:
    with pytest.raises(FixtureError):
        juminhyo_check_digit(body)
    with pytest.raises(FixtureError):
        dantai_check_digit(body)


def test_the_municipality_is_in_no_prefecture() -> None:
    assert checked_dantai_code(FICTIONAL_DANTAI_CODE)
    assert int(FICTIONAL_DANTAI_CODE[:2]) > 47


@pytest.mark.parametrize("size", [10, 997, 1000, 4096])
def test_permutation_hits_everything_once(size: int) -> None:
    permutation = Permutation.drawn(Draw("test", size), "p", size)
    assert sorted(permutation(index) for index in range(size)) == list(range(size))
    with pytest.raises(FixtureError):
        permutation(size)


def test_a_draw_depends_on_its_path_and_name_only() -> None:
    assert Draw("a", 1).child("b").below("x", 10**9) == Draw("a", 1, "b").below("x", 10**9)
    assert Draw("a", 1).below("x", 10**9) != Draw("a", 2).below("x", 10**9)
    assert Draw("a").below("x", 10**9) != Draw("a").below("y", 10**9)
    assert sorted(Draw("a").shuffled("s", (1, 2, 3, 4))) == [1, 2, 3, 4]
