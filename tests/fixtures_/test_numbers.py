"""Check digits against published samples; numbering without collisions."""

from __future__ import annotations

import pytest

from fixtures.draw import Draw
from fixtures.errors import FixtureError
from fixtures.numbers import Permutation, checked_dantai_code, dantai_check_digit, juminhyo_check_digit
from fixtures.world import FICTIONAL_DANTAI_CODE


@pytest.mark.parametrize(("five", "digit"), [("13101", "6"), ("01100", "2"), ("14100", "3"), ("27100", "4")])
def test_dantai_check_digit(five: str, digit: str) -> None:
    assert dantai_check_digit(five) == digit
    assert checked_dantai_code(five + digit) == five + digit


def test_juminhyo_check_digit() -> None:
    assert juminhyo_check_digit("2472705960") == "8"


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
