"""The algebra of judgement: raw ends, verdicts, run verdicts, exit codes and their precedence."""

from __future__ import annotations

from itertools import permutations

import pytest

from conformance.verdicts import Exit, Raw, RunVerdict, Verdict, exit_of, run_verdict, strongest, verdict_of, worst

EXECUTED = [Verdict.PASS]


def test_words_and_numbers_are_fixed() -> None:
    assert [one.value for one in Exit] == [0, 1, 2, 3, 4]
    assert [one.value for one in Verdict] == ["PASS", "FAIL", "WARN", "REVIEW", "UNVERIFIED", "N/A", "ERROR"]


@pytest.mark.parametrize(("exits", "winner"), [
    ((0,), 0), ((0, 4), 4), ((4, 1), 1), ((1, 3), 3), ((3, 2), 2), ((0, 1, 2, 3, 4), 2), ((0, 1, 3, 4), 3), ((0, 1, 4), 1),
])  # fmt: skip
def test_precedence_2_3_1_4_0_in_every_order(exits: tuple[int, ...], winner: int) -> None:
    assert {strongest(map(Exit, order)) for order in permutations(exits)} == {Exit(winner)}


def test_nothing_at_all_is_incomplete() -> None:
    assert strongest([]) is Exit.INCOMPLETE
    assert run_verdict([]) is RunVerdict.INCOMPLETE
    assert worst([]) is None


@pytest.mark.parametrize(("raw", "mandatory", "verdict"), [
    (Raw.PASS, True, Verdict.PASS),
    (Raw.NONCONFORMITY, True, Verdict.FAIL),
    (Raw.NONCONFORMITY, False, Verdict.WARN),
    (Raw.UNVERIFIED, False, Verdict.UNVERIFIED),
    (Raw.REVIEW, True, Verdict.REVIEW),
    (Raw.ERROR, False, Verdict.ERROR),
    (None, True, Verdict.UNVERIFIED),
    (None, False, Verdict.UNVERIFIED),
])  # fmt: skip
def test_severity_comes_from_the_requirement(raw: Raw | None, mandatory: bool, verdict: Verdict) -> None:
    assert verdict_of(raw, mandatory=mandatory) is verdict


@pytest.mark.parametrize(("phases", "raw"), [
    ((Raw.PASS, Raw.ERROR), Raw.ERROR),
    ((Raw.NONCONFORMITY, Raw.ERROR), Raw.ERROR),
    ((Raw.NONCONFORMITY, Raw.UNVERIFIED), Raw.NONCONFORMITY),
    ((Raw.UNVERIFIED, Raw.REVIEW), Raw.UNVERIFIED),
    ((Raw.PASS, Raw.REVIEW), Raw.REVIEW),
])  # fmt: skip
def test_the_worst_phase_counts(phases: tuple[Raw, ...], raw: Raw) -> None:
    assert worst(phases) is raw
    assert worst(reversed(phases)) is raw


@pytest.mark.parametrize(("verdicts", "expected"), [
    ([Verdict.PASS], RunVerdict.CONFORMANT),
    ([Verdict.PASS, Verdict.NA], RunVerdict.CONFORMANT),
    ([Verdict.PASS, Verdict.WARN], RunVerdict.CONFORMANT),
    ([Verdict.WARN], RunVerdict.CONFORMANT),
    ([Verdict.NA, Verdict.NA], RunVerdict.INCOMPLETE),
    ([Verdict.PASS, Verdict.UNVERIFIED], RunVerdict.INCOMPLETE),
    ([Verdict.PASS, Verdict.REVIEW], RunVerdict.INCOMPLETE),
    ([Verdict.PASS, Verdict.ERROR], RunVerdict.INCOMPLETE),
    ([Verdict.UNVERIFIED, Verdict.FAIL], RunVerdict.NOT_CONFORMANT),
])  # fmt: skip
def test_run_verdict(verdicts: list[Verdict], expected: RunVerdict) -> None:
    assert run_verdict(verdicts) is expected
    assert run_verdict(reversed(verdicts)) is expected


@pytest.mark.parametrize(("verdicts", "waived", "expected"), [
    ([Verdict.FAIL], [True], RunVerdict.CONFORMANT_WAIVED),
    ([Verdict.FAIL, Verdict.FAIL], [True, False], RunVerdict.NOT_CONFORMANT),
    ([Verdict.FAIL, Verdict.UNVERIFIED], [True, False], RunVerdict.INCOMPLETE),
    ([Verdict.UNVERIFIED], [True], RunVerdict.INCOMPLETE),
    ([Verdict.PASS], [True], RunVerdict.CONFORMANT),
])  # fmt: skip
def test_a_waiver_covers_a_failure_and_nothing_else(
    verdicts: list[Verdict], waived: list[bool], expected: RunVerdict
) -> None:
    assert run_verdict(verdicts, waived=waived) is expected


@pytest.mark.parametrize(("verdict", "gate", "code"), [
    (RunVerdict.CONFORMANT, False, 0),
    (RunVerdict.CONFORMANT_WAIVED, False, 1),
    (RunVerdict.CONFORMANT_WAIVED, True, 0),
    (RunVerdict.NOT_CONFORMANT, True, 1),
    (RunVerdict.INCOMPLETE, True, 4),
])  # fmt: skip
def test_exit_of_a_verdict(verdict: RunVerdict, gate: bool, code: int) -> None:
    assert exit_of(verdict, gate_waived=gate) == code


def test_waivers_must_match_the_verdicts_one_by_one() -> None:
    with pytest.raises(ValueError, match="shorter"):
        run_verdict([Verdict.PASS, Verdict.FAIL], waived=[True])
