"""The plan: the whole role before anything happens, and one sentence for whatever cannot be planned."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from conformance.catalogue import load_catalogue
from conformance.plan import Plan
from conformance.planner import make_plan
from conformance.target import TargetError
from interface_spec.profile import load_profile
from tests.conformance.targets import target_of

TODAY = date(2026, 1, 15)
WAIVER = '[[waiver]]\ncheck = "{check}"\nreason = "改修予定"\nowner = "鈴木"\nexpires = {expires}\n\n[product]'


def plan(tmp_path: Path, old: str = "", new: str = "", *select: str) -> Plan:
    return make_plan(
        run_id="r",
        target=target_of(tmp_path, old, new),
        profile=load_profile("baseline"),
        world_version="1",
        reference_date=TODAY,
        select=select,
        today=TODAY,
    )


def refused(tmp_path: Path, old: str = "", new: str = "", *select: str) -> TargetError:
    with pytest.raises(TargetError) as caught:
        plan(tmp_path, old, new, *select)
    return caught.value


def test_the_whole_role_is_planned(tmp_path: Path) -> None:
    made = plan(tmp_path)
    catalogue = load_catalogue("am")
    assert [one.id for one in made.checks] == list(catalogue.checks)
    assert all(one.status == "run" for one in made.checks)
    assert {one.id for one in made.rounds} == {one.disturbance for one in catalogue.checks.values()}
    assert made.functions == ("3.1", "3.2", "3.3", "3.4", "3.5")
    assert Plan.model_validate_json(made.model_dump_json()) == made


def test_selection_keeps_the_rest_in_the_plan(tmp_path: Path) -> None:
    made = plan(tmp_path, "", "", "AM-3.1-01")
    assert len(made.checks) == len(load_catalogue("am").checks)
    assert {one.id for one in made.checks if one.status == "run"} == {"AM-3.1-01a"}
    assert [one.id for one in made.rounds] == ["none"]
    assert {one.status for one in made.checks} == {"run", "deselected"}


@pytest.mark.parametrize("word", ["AM-3.1-02a", "AM-3.1-02*", "信頼できない認証局", "untrusted ca"])
def test_selectors(tmp_path: Path, word: str) -> None:
    chosen = {one.id for one in plan(tmp_path, "", "", word).checks if one.status == "run"}
    assert "AM-3.1-02a" in chosen
    assert len(chosen) < 5


@pytest.mark.parametrize("word", ["AM-3.1-99", "", "  ", "全然ない言葉", "[", "am-3.1-01a "])
def test_a_misspelt_selector_is_refused(tmp_path: Path, word: str) -> None:
    error = refused(tmp_path, "", "", "AM-3.1-01", word)
    assert error.ja.startswith(f"-k {word}: ")
    assert "shinsei checks am" in error.en


@pytest.mark.parametrize(("old", "new", "field", "word"), [
    ('procedures = ["K01", "C01"]', 'procedures = ["K99"]', "run.procedures", "K99"),
    ('K01 = "iv"', 'K9 = "iv"', "declare.methods", "K9"),
    ("[declare]", '[declare]\nfeatures = ["generic_form"]', "declare.features", "generic_form"),
    ("seed = 7", 'deciding_sets = ["tejunsho-1"]', "run.deciding_sets", "tejunsho-1"),
])  # fmt: skip
def test_misspelt_names_are_refused_not_ignored(tmp_path: Path, old: str, new: str, field: str, word: str) -> None:
    error = refused(tmp_path, old, new)
    assert error.ja.startswith(f"{field}: {word}")
    assert word in error.en


def test_unknown_attestation_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "AM-3.5-06", "AM-3.5-77").ja.startswith("attestations.AM-3.5-77: ")


@pytest.mark.parametrize(("check", "expires", "words"), [
    ("AM-3.1-77a", "2026-12-31", "AM-3.1-77a"), ("AM-3.1-01a", "2026-01-14", "2026-01-14"),
])  # fmt: skip
def test_stale_waiver_is_refused(tmp_path: Path, check: str, expires: str, words: str) -> None:
    error = refused(tmp_path, "[product]", WAIVER.format(check=check, expires=expires))
    assert error.ja.startswith("waiver: ")
    assert words in error.ja
    assert words in error.en


def test_a_waiver_holds_through_its_last_day(tmp_path: Path) -> None:
    made = plan(tmp_path, "[product]", WAIVER.format(check="AM-3.1-01a", expires="2026-01-15"))
    waived = made.check("AM-3.1-01a")
    assert waived is not None
    assert waived.waiver == "改修予定（鈴木, 2026-01-15 まで）"
    assert made.check("AM-3.1-77a") is None


def test_what_is_not_declared_is_not_applicable_with_its_reason(tmp_path: Path) -> None:
    made = plan(tmp_path, 'procedures = ["K01", "C01"]', 'procedures = ["K01"]')
    absent = [one for one in made.checks if one.status == "na"]
    assert absent
    assert all(one.reason_ja and one.reason_en for one in absent)
    assert any("C01" in one.reason_ja for one in absent)
    assert not [one for one in made.checks if one.status == "run" and "C01" in one.procedures]


def test_without_a_screen_its_requirements_are_attested(tmp_path: Path) -> None:
    made = plan(tmp_path, 'screen = "http://127.0.0.1:9001/screen/{receipt_no}"\n', "")
    unseen = {one.requirement for one in made.checks if one.status == "na"}
    assert unseen
    asked = {one.requirement for one in made.attestations if not one.answered}
    binding = {name for name in unseen if made.requirements[name].level == "必須"}
    assert asked >= binding - {one.requirement for one in made.checks if one.status == "run"} - {
        name for one in made.checks if one.status == "run" for name in one.also
    }


def test_attestation_of_the_target_is_taken_over(tmp_path: Path) -> None:
    answers = {one.requirement: one for one in plan(tmp_path).attestations}
    assert answers["AM-3.5-06"].answered
    assert answers["AM-3.5-06"].statement == "提供している"
    assert all(one.answered for one in answers.values())


def test_same_input_same_plan(tmp_path: Path) -> None:
    assert plan(tmp_path) == plan(tmp_path)
