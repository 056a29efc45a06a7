"""Folding: verdicts over the ids of the plan, and the exit code that follows."""

from __future__ import annotations

from datetime import date

import pytest

from conformance.events import Event, RunFinished, RunInterrupted, RunStarted, RunTrouble, RunWarning
from conformance.plan import PlannedAttestation, Waiver
from conformance.results import Results, fold
from conformance.verdicts import Exit, Raw, RunVerdict, Verdict
from tests.conformance.factory import AT, ended, plan_of, planned, stream

A, B, C = "AM-9.1-01a", "AM-9.1-02a", "AM-9.1-03a"


def contract() -> tuple[str, Raw]:
    return C, Raw.PASS


def folded(events: list[Event]) -> Results:
    return fold(iter(events))


def verdicts(results: Results) -> dict[str, Verdict]:
    return {one.planned.id: one.verdict for one in results.checks}


def two_questions(**raws: Raw) -> list[Event]:
    """A (clause) and C (contract) as told, both passing unless told."""
    plan = plan_of(planned(A), planned(C, verdict="contract"))
    return stream(plan, {A: raws.get("a", Raw.PASS), C: raws.get("c", Raw.PASS)})


def test_everything_passed_is_0() -> None:
    results = folded(two_questions())
    assert results.exit() is Exit.CONFORMANT
    assert results.clause is not None
    assert results.contract is not None
    assert [results.clause.verdict, results.contract.verdict] == [RunVerdict.CONFORMANT] * 2


@pytest.mark.parametrize(("raw", "code"), [
    (Raw.NONCONFORMITY, 1), (Raw.ERROR, 3), (Raw.UNVERIFIED, 4), (Raw.REVIEW, 4),
])  # fmt: skip
@pytest.mark.parametrize("which", ["a", "c"])
def test_each_question_decides_alone(which: str, raw: Raw, code: int) -> None:
    assert folded(two_questions(**{which: raw})).exit() == code


def test_the_two_verdicts_are_never_merged() -> None:
    results = folded(two_questions(c=Raw.NONCONFORMITY))
    assert results.clause is not None
    assert results.contract is not None
    assert results.clause.verdict is RunVerdict.CONFORMANT
    assert results.contract.verdict is RunVerdict.NOT_CONFORMANT


def test_a_check_that_vanished_is_unverified() -> None:
    plan = plan_of(planned(A), planned(B), planned(C, verdict="contract"))
    results = folded(stream(plan, {A: Raw.PASS, C: Raw.PASS}))
    assert verdicts(results) == {A: Verdict.PASS, B: Verdict.UNVERIFIED, C: Verdict.PASS}
    assert results.checks[1].reason_ja == "結果が出ていない"
    assert results.exit() is Exit.INCOMPLETE


def test_teardown_error_beats_a_pass_and_a_failure() -> None:
    for call in (Raw.PASS, Raw.NONCONFORMITY):
        events = two_questions(a=call)
        events.insert(-1, ended(A, Raw.ERROR, phase="teardown"))
        results = folded(events)
        assert verdicts(results)[A] is Verdict.ERROR
        assert results.exit() is Exit.HARNESS


def test_foreign_id_is_ours_and_never_counts_as_a_check() -> None:
    events = [*two_questions(), ended("AM-9.9-99z", Raw.PASS)]
    results = folded(events)
    assert results.foreign == ("AM-9.9-99z",)
    assert "AM-9.9-99z" not in verdicts(results)
    assert results.exit() is Exit.HARNESS


def test_nothing_executed_is_never_0() -> None:
    everything_na = plan_of(planned(A, status="na"), planned(C, verdict="contract", status="na"))
    assert folded(stream(everything_na, {})).exit() is Exit.INCOMPLETE
    assert folded(stream(plan_of(), {})).exit() is Exit.INCOMPLETE
    assert folded([]).exit() is Exit.INCOMPLETE
    assert folded([RunFinished(at=AT, seconds=1)]).exit() is Exit.INCOMPLETE


@pytest.mark.parametrize("deciding", [True, False])
@pytest.mark.parametrize(("raw", "code"), [(Raw.PASS, 4), (Raw.NONCONFORMITY, 1)])
def test_a_selection_is_4_or_1_never_0(raw: Raw, code: int, deciding: bool) -> None:
    left_out = planned(B, status="deselected", deciding=deciding, reason="選択外")
    plan = plan_of(planned(A), left_out, planned(C, verdict="contract"))
    results = folded(stream(plan, {A: raw, C: Raw.PASS}))
    assert verdicts(results)[B] is Verdict.UNVERIFIED
    assert results.exit() == code


def test_waiver_is_printed_and_never_a_pass() -> None:
    plan = plan_of(planned(A, waiver="改修予定（鈴木, 2026-12-31 まで）"), planned(C, verdict="contract"))
    results = folded(stream(plan, {A: Raw.NONCONFORMITY, C: Raw.PASS}))
    assert results.clause is not None
    assert results.clause.verdict is RunVerdict.CONFORMANT_WAIVED
    assert verdicts(results)[A] is Verdict.FAIL
    assert results.exit() is Exit.NOT_CONFORMANT
    assert results.exit(gate_waived=True) is Exit.CONFORMANT


def test_waived_failure_beside_something_incomplete() -> None:
    plan = plan_of(planned(A, waiver="理由"), planned(B), planned(C, verdict="contract"))
    results = folded(stream(plan, {A: Raw.NONCONFORMITY, C: Raw.PASS}))
    assert results.exit() is Exit.NOT_CONFORMANT
    assert results.exit(gate_waived=True) is Exit.INCOMPLETE


@pytest.mark.parametrize(("raw", "idle"), [(Raw.PASS, True), (Raw.UNVERIFIED, True), (Raw.NONCONFORMITY, False)])
def test_a_waiver_that_waives_nothing_is_a_warning_about_the_run(raw: Raw, idle: bool) -> None:
    waiver = Waiver(check=A, reason="改修予定", owner="鈴木", expires=date(2026, 12, 31))
    plan = plan_of(planned(A, waiver="改修予定"), planned(C, verdict="contract")).model_copy(
        update={"waivers": (waiver,)}
    )
    results = folded(stream(plan, {A: raw, C: Raw.PASS}))
    assert [A in ja and "鈴木" in en for ja, en in results.warnings] == ([True] if idle else [])


def test_a_warning_about_the_run_changes_no_verdict() -> None:
    warned = folded([*two_questions(), RunWarning(at=AT, ja="トークン", en="token")])
    assert warned.warnings == (("トークン", "token"),)
    assert warned.exit() is Exit.CONFORMANT


def test_a_waiver_of_one_check_covers_no_other() -> None:
    plan = plan_of(planned(A, waiver="理由"), planned(B), planned(C, verdict="contract"))
    results = folded(stream(plan, {A: Raw.NONCONFORMITY, B: Raw.NONCONFORMITY, C: Raw.PASS}))
    assert results.exit(gate_waived=True) is Exit.NOT_CONFORMANT


@pytest.mark.parametrize("raw", [Raw.NONCONFORMITY, Raw.UNVERIFIED, Raw.REVIEW])
def test_robustness_is_reported_beside_and_never_decides(raw: Raw) -> None:
    plan = plan_of(planned(A), planned(B, deciding=False, mandatory=False), planned(C, verdict="contract"))
    results = folded(stream(plan, {A: Raw.PASS, B: raw, C: Raw.PASS}))
    assert verdicts(results)[B] is not Verdict.PASS
    assert results.exit() is Exit.CONFORMANT


def test_recommended_is_a_warning_and_does_not_decide() -> None:
    plan = plan_of(planned(A), planned(B, mandatory=False), planned(C, verdict="contract"))
    results = folded(stream(plan, {A: Raw.PASS, B: Raw.NONCONFORMITY, C: Raw.PASS}))
    assert verdicts(results)[B] is Verdict.WARN
    assert results.exit() is Exit.CONFORMANT


def test_our_bug_in_a_check_beside_is_still_ours() -> None:
    plan = plan_of(planned(A), planned(B, deciding=False), planned(C, verdict="contract"))
    assert folded(stream(plan, {A: Raw.PASS, B: Raw.ERROR, C: Raw.PASS})).exit() is Exit.HARNESS


def test_unanswered_attestation_is_incomplete_and_named() -> None:
    plan = plan_of(
        planned(A), planned(C, verdict="contract"), attestations=[PlannedAttestation(requirement="AM-9.5-06")]
    )
    results = folded(stream(plan, {A: Raw.PASS, C: Raw.PASS}))
    assert results.clause is not None
    assert results.clause.verdict is RunVerdict.INCOMPLETE
    assert "AM-9.5-06" in results.clause.reasons[0][0]
    assert "AM-9.5-06" in results.clause.reasons[0][1]
    assert results.exit() is Exit.INCOMPLETE


def test_answered_attestation_decides_nothing() -> None:
    answer = PlannedAttestation(requirement="AM-9.5-06", statement="提供する", by="製造者", date="2026-01-01")
    plan = plan_of(planned(A), planned(C, verdict="contract"), attestations=[answer])
    assert folded(stream(plan, {A: Raw.PASS, C: Raw.PASS})).exit() is Exit.CONFORMANT


def test_a_function_without_an_executed_check_is_incomplete() -> None:
    idle = planned(B, function="3.5", status="na", reason="宣言なし")
    results = folded(stream(plan_of(planned(A), idle, planned(C, verdict="contract")), {A: Raw.PASS, C: Raw.PASS}))
    assert results.clause is not None
    assert results.clause.verdict is RunVerdict.INCOMPLETE
    assert "③-5" in results.clause.reasons[0][0]
    assert results.exit() is Exit.INCOMPLETE


@pytest.mark.parametrize(("kind", "code"), [("configuration", 2), ("harness", 3)])
def test_trouble_beats_every_verdict(kind: str, code: int) -> None:
    events = two_questions(a=Raw.NONCONFORMITY)
    events.insert(-1, RunTrouble.model_validate({"at": AT, "kind": kind, "ja": "理由", "en": "reason"}))
    assert folded(events).exit() == code


def test_configuration_beats_harness() -> None:
    events = two_questions(a=Raw.ERROR)
    events.insert(-1, RunTrouble(at=AT, kind="configuration", ja="理由", en="reason"))
    assert folded(events).exit() is Exit.CONFIGURATION


def test_interrupted_and_killed_runs_are_incomplete() -> None:
    done = two_questions()
    assert folded(done[:-1]).exit() is Exit.INCOMPLETE
    assert folded([*done[:-1], RunInterrupted(at=AT, signal="SIGINT")]).exit() is Exit.INCOMPLETE
    assert folded([*two_questions(a=Raw.NONCONFORMITY)[:-1]]).exit() is Exit.NOT_CONFORMANT
    assert folded([RunStarted(at=AT, plan=plan_of(planned(A)))]).exit() is Exit.INCOMPLETE


def test_headlines_in_two_levels() -> None:
    plan = plan_of(
        planned(A, headline="uketsuke", procedures=("K01",)),
        planned(B, headline="endtoend", procedures=("K01",)),
        planned("AM-9.1-04a", headline="endtoend", procedures=("C01",)),
        planned(C, verdict="contract"),
        methods={"K01": "iv"},
    )
    results = folded(stream(plan, {A: Raw.PASS, B: Raw.NONCONFORMITY, "AM-9.1-04a": Raw.PASS, C: Raw.PASS}))
    found = {(one.key, one.procedure): one.verdict for one in results.headlines}
    assert found[("uketsuke", "")] is RunVerdict.CONFORMANT
    assert found[("endtoend", "K01")] is RunVerdict.NOT_CONFORMANT
    assert found[("endtoend", "C01")] is None


def test_folding_is_pure() -> None:
    events = two_questions(a=Raw.NONCONFORMITY)
    assert folded(events) == folded(list(events))
