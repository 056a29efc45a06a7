"""The requirement catalogue holds every row of the 手順書, and nothing binds that a published text does not say."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from interface_spec.errors import SpecError
from interface_spec.requirements import FEATURES, Requirement, load_requirements, read_requirements
from tests.interface_spec.tejunsho_ids import IDS

LONGEST_SENTENCE = 200
TEXTS = ("ja", "en", "violation", "why", "unchecked")
SETS = {"tejunsho-1.0", "robustness", "hyojun-2021"}

GOOD = """
[common]
source = "架空の資料"
source_en = "x"
clause = "1章"
level = "必須"
wording = "「必要である」（要）"
roles = ["am"]
observability = ["wire"]
provenance = "公開"

[[requirement]]
id = "AM-1.0-01"
ja = "一つめの要件である。"
en = "The first requirement."
"""


def _folder(tmp_path: Path, text: str) -> Path:
    (tmp_path / "kaku").mkdir()
    (tmp_path / "kaku" / "hon.toml").write_text(text, encoding="utf-8")
    return tmp_path


def _tejunsho() -> list[Requirement]:
    return [one for one in load_requirements().values() if one.set != "hyojun-2021"]


OURS = {"FW-1.1-82", "FW-1.1-83", "AM-3.4-83", "AM-3.5-83", "RLY-3.1-81", "RLY-S62-81"}
"""Rows that we derived beside the 141; they are in the set robustness and bind nobody."""


def test_every_row_of_the_tejunsho_is_there_and_no_other() -> None:
    expected = [name for names in IDS.values() for name in names]
    assert len(expected) == len(set(expected)) == 141
    assert {one.id for one in _tejunsho()} == set(expected) | OURS


@pytest.mark.parametrize("level", ["必須", "推奨", "任意", "非拘束"])
def test_levels_follow_the_wording(level: str) -> None:
    found = {one.id for one in _tejunsho() if one.level == level and one.set == "tejunsho-1.0"}
    assert found == set(IDS[level])


def test_derived_rows_form_the_set_robustness_and_never_bind() -> None:
    derived = {one.id: one for one in _tejunsho() if one.set == "robustness"}
    assert set(derived) == set(IDS["導出"]) | OURS
    assert {(one.level, one.provenance, one.headline) for one in derived.values()} == {("推奨", "推定", "")}
    assert {one.id for one in _tejunsho() if int(one.id[-2:]) >= 81} == set(derived)


def test_only_published_wording_is_mandatory() -> None:
    mandatory = [one for one in load_requirements().values() if one.level == "必須"]
    assert {one.provenance for one in mandatory} == {"公開"}
    assert {one.set for one in mandatory} == {"tejunsho-1.0"}


def test_the_wording_that_decides_is_quoted() -> None:
    for one in _tejunsho():
        pattern = r"導出（導）" if one.set == "robustness" else r"「.+」（[要すべ検望可参経]）"
        assert re.fullmatch(pattern, one.wording), one.id


def test_wish_wording_never_makes_a_mandatory_row() -> None:
    soft = [one.id for one in _tejunsho() if one.wording[-2:-1] in "望可導" and one.level == "必須"]
    assert soft == []


def test_a_row_that_only_lists_costs_says_whose_level_it_takes() -> None:
    costs = [one for one in _tejunsho() if one.wording.endswith("（経）")]
    assert len(costs) == 10
    for one in costs:
        assert bool(one.follows) != (one.level == "推奨" and one.raised_by == "subsidy"), one.id
    assert {one.id for one in costs if not one.follows} == {"RLY-S62-02", "FW-S62-03", "FW-S62-04", "FW-S62-06"}


def test_rows_on_the_tables_follow_the_sentence_above_them() -> None:
    found = load_requirements()
    assert {found[f"FW-1.1-0{n}"].follows for n in (5, 6, 7)} == {"FW-1.1-04"}
    assert {found[f"FW-1.2-0{n}"].follows for n in (4, 5)} == {"FW-1.2-02"}


def test_rows_whose_wire_form_is_not_public_are_judged_by_contract() -> None:
    contract = {one.id for one in load_requirements().values() if one.verdict == "contract"}
    assert contract == {"AM-3.1-03", "AM-3.2-04", "JUKI-2-05"}


def test_every_condition_names_known_features_and_every_feature_is_used_or_explained() -> None:
    named = Counter(name for one in load_requirements().values() for name in (*one.features, one.raised_by) if name)
    assert set(named) <= set(FEATURES)
    assert {"pattern.i", "pattern.ii", "pattern.iii", "standard_config", "subsidy", "serial_source.cs"} <= set(named)
    assert {f"method.{n}" for n in ("i", "ii", "iii", "iv")} <= set(named)
    assert set(FEATURES) == set(named)


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("AM-3.1-01", "standard_config"),
        ("AM-3.3-03", "pattern.i"),
        ("AM-3.3-05", "pattern.iii"),
        ("AM-3.5-02", "method.iv"),
        ("AM-3.5-05", "method.iii | method.iv"),
        ("CORE-4.4-09", "method.iv"),
        ("JUKI-2-01", "serial_source.cs"),
        ("AM-3.2-01", ""),
    ],
)
def test_condition_of_a_row(name: str, condition: str) -> None:
    assert load_requirements()[name].condition == condition


def test_applies_when_any_named_feature_is_declared() -> None:
    found = load_requirements()
    assert found["AM-3.2-01"].applies(lambda _: False)
    assert found["AM-3.5-05"].applies({"method.iii"}.__contains__)
    assert found["AM-3.5-05"].applies({"method.iv"}.__contains__)
    assert not found["AM-3.5-05"].applies({"method.i"}.__contains__)


def test_the_subsidy_raises_a_cost_row() -> None:
    row = load_requirements()["RLY-S62-02"]
    assert row.level_for({"subsidy"}.__contains__) == "必須"
    assert row.level_for(lambda _: False) == "推奨"
    assert load_requirements()["FW-1.2-03"].level_for(lambda _: True) == "任意"


def test_headlines_follow_the_chapter() -> None:
    for one in _tejunsho():
        if one.set == "robustness":
            continue
        head = one.id.split("-")[1]
        if head in {"2", "3.1", "3.2"}:
            assert one.headline == "uketsuke", one.id
        elif head in {"3.3", "3.4", "3.5"} or head.startswith("4."):
            assert one.headline == "endtoend", one.id
        elif one.id not in {"AM-S33-02", "AM-S33-03", "AM-S62-01"}:
            assert one.headline == "", one.id
    found = load_requirements()
    assert found["AM-S33-02"].headline == "uketsuke"
    assert found["AM-S33-03"].headline == found["AM-S62-01"].headline == "endtoend"


def test_each_function_of_the_application_management_system_has_mandatory_rows() -> None:
    rows = [one for one in _tejunsho() if one.level == "必須"]
    assert {one.function for one in rows} == {"", "3.1", "3.2", "3.3", "3.4", "3.5"}
    for one in _tejunsho():
        section = re.match(r"AM-(3\.[1-5])-", one.id)
        assert one.function == (section[1] if section else ""), one.id


def test_what_no_check_can_observe_says_which_paper_or_why() -> None:
    for one in load_requirements().values():
        if one.level == "非拘束":
            assert one.unchecked, one.id
        if one.set == "tejunsho-1.0" and one.observability == ("attestation",):
            assert "確認する書類：" in one.unchecked, one.id
        if not one.observability:
            assert one.unchecked, one.id


def test_every_row_is_complete_in_both_languages() -> None:
    for one in load_requirements().values():
        assert one.ja.endswith("。"), one.id
        assert one.en.endswith("."), one.id
        assert re.search(r"[ぁ-ん]", one.ja), one.id
        assert len(one.en) > 30, one.id
    for one in _tejunsho():
        assert one.violation.endswith("。"), one.id
        assert one.why.endswith("。"), one.id


def test_no_sentence_is_too_long() -> None:
    for one in load_requirements().values():
        for name in TEXTS:
            sentences = re.split(r"。|\. ", getattr(one, name))
            assert max(map(len, sentences)) <= LONGEST_SENTENCE, (one.id, name)


def test_no_two_rows_say_the_same() -> None:
    for name in ("ja", "en"):
        texts = Counter(getattr(one, name) for one in load_requirements().values())
        assert [text for text, times in texts.items() if times > 1] == []


def test_the_standard_specification_is_only_listed() -> None:
    rows = [one for one in load_requirements().values() if one.set == "hyojun-2021"]
    assert len(rows) == 20
    assert {(one.level, one.provenance, one.unchecked) for one in rows} == {
        ("非拘束", "推定", "見出しのみ判明・報告のみ")
    }
    assert len([one for one in rows if one.clause.startswith("3.3 ③-")]) == 6


def test_the_sets_are_known() -> None:
    assert {one.set for one in load_requirements().values()} == SETS


def test_common_keys_are_shared_by_the_entries_of_a_file(tmp_path: Path) -> None:
    found = read_requirements(_folder(tmp_path, GOOD))
    assert found["AM-1.0-01"].source == "架空の資料"
    assert found["AM-1.0-01"].set == "kaku"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('level = "必須"', 'level = "必ず"', "必須"),
        ('provenance = "公開"', 'provenance = "推定"', "公開資料"),
        ('en = "The first requirement."', 'enn = "x"', "必須の項目がありません"),
        ("[[requirement]]", "[[requirements]]", "知らない項目です"),
        ('id = "AM-1.0-01"', 'id = "am-1"', "id"),
        ('id = "AM-1.0-01"', 'id = "AM-1.0-01"\ncondition = "pattern.iiii"', "知らない機能名です"),
        ('id = "AM-1.0-01"', 'id = "AM-1.0-01"\nfollows = "AM-9.9-99"', "級の元にできません"),
        ('id = "AM-1.0-01"', 'id = "AM-1.0-01"\nfollows = "AM-1.0-01"', "級の元にできません"),
        ('ja = "一つめの要件である。"', 'ja = "閉じない', "TOML として読めません"),
    ],
)
def test_a_mistake_in_a_file_is_one_sentence_with_its_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    with pytest.raises(SpecError, match=expected) as caught:
        read_requirements(_folder(tmp_path, GOOD.replace(old, new)))
    assert "kaku" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    again = GOOD + '\n[[requirement]]\nid = "AM-1.0-01"\nja = "同じIDである。"\nen = "The same id."\n'
    with pytest.raises(SpecError, match="同じIDが二度あります"):
        read_requirements(_folder(tmp_path, again))


def test_a_row_cannot_follow_a_row_of_another_level(tmp_path: Path) -> None:
    second = '\n[[requirement]]\nid = "AM-1.0-02"\nja = "追う要件。"\nen = "Follows."\nlevel = "推奨"\nfollows = "AM-1.0-01"\n'
    with pytest.raises(SpecError, match=r"級が AM-1\.0-01 と違います"):
        read_requirements(_folder(tmp_path, GOOD + second))


def test_quotation_marks_are_balanced() -> None:
    for one in load_requirements().values():
        for text in (one.ja, one.wording, one.violation, one.why, one.unchecked):
            assert text.count("「") == text.count("」"), one.id
            assert text.count("（") == text.count("）"), one.id
