"""Foldings find candidates; what they must and must not make equal."""

from __future__ import annotations

import pytest

from reference_impl.shinsei_kanri import folding


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("髙﨑　太郎", "高崎 太郎"),
        ("渡邉", "渡邊"),
        ("渡辺", "渡邊"),
        ("𠮷田", "吉田"),
        ("葛\U000e0100城", "葛城"),
        ("ﾔﾏﾀﾞ", "ヤマダ"),
    ],
)
def test_names_that_fold_together(left: str, right: str) -> None:
    assert folding.name(left) == folding.name(right)


@pytest.mark.parametrize(
    "written",
    ["港町1-2-3", "港町１－２－３", "港町一丁目2番3号", "港町１丁目２番地３", "港町一丁目２の３", "港町1丁目2番地の3"],
)
def test_addresses_that_fold_together(written: str) -> None:
    assert folding.address(written) == folding.address("港町一丁目２番３号")


@pytest.mark.parametrize(("left", "right"), [("港町1-2-3", "港町12-3"), ("港町十一丁目1番", "港町一丁目1番")])
def test_addresses_that_stay_apart(left: str, right: str) -> None:
    assert folding.address(left) != folding.address(right)


def test_substitutes_stand_for_one_character_each() -> None:
    assert folding.matches_substituted("〓田　直樹", "𠮷田　直樹")
    assert not folding.matches_substituted("〓田　直樹", "山本田　直樹")
    assert not folding.matches_substituted("〓田　直樹", "𠮷田　直子")
    assert not folding.matches_substituted("田.", "田中")


def test_different_names_stay_apart() -> None:
    assert folding.name("斎藤") != folding.name("斉藤")
