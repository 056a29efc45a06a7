"""Words of judgement: per check, per run, and the exit code that follows from them.

The algebra lives here and nowhere else; reporters and the command line only read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class Raw(StrEnum):
    """What a check's body ended with, before the catalogue gives it a severity."""

    PASS = "pass"  # noqa: S105
    REVIEW = "review"
    UNVERIFIED = "unverified"
    NONCONFORMITY = "nonconformity"
    ERROR = "error"


_RAW_ORDER = [Raw.PASS, Raw.REVIEW, Raw.UNVERIFIED, Raw.NONCONFORMITY, Raw.ERROR]


def worst(raws: Iterable[Raw]) -> Raw | None:
    """The worst of what the phases (setup, call, teardown) of one check ended with; None when there was no phase."""
    return max(raws, key=_RAW_ORDER.index, default=None)


class Verdict(StrEnum):
    """Verdict of one check."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    WARN = "WARN"
    REVIEW = "REVIEW"
    UNVERIFIED = "UNVERIFIED"
    NA = "N/A"
    ERROR = "ERROR"


class RunVerdict(StrEnum):
    """Verdict of a run, one per question (手順書適合, 契約適合)."""

    CONFORMANT = "CONFORMANT"
    CONFORMANT_WAIVED = "NOT_CONFORMANT_WAIVED"
    NOT_CONFORMANT = "NOT_CONFORMANT"
    INCOMPLETE = "INCOMPLETE"


class Exit(IntEnum):
    CONFORMANT = 0
    NOT_CONFORMANT = 1
    CONFIGURATION = 2
    HARNESS = 3
    INCOMPLETE = 4


_EXIT_PRECEDENCE = [Exit.CONFORMANT, Exit.INCOMPLETE, Exit.NOT_CONFORMANT, Exit.HARNESS, Exit.CONFIGURATION]


def strongest(exits: Iterable[Exit]) -> Exit:
    """The exit code that wins: 2 > 3 > 1 > 4 > 0. An empty run is incomplete, never conformant."""
    return max(exits, key=_EXIT_PRECEDENCE.index, default=Exit.INCOMPLETE)


def verdict_of(raw: Raw | None, *, mandatory: bool) -> Verdict:
    """A check's verdict from its raw end and the level of its requirement: severity is the catalogue's, not the check's.

    None (no event at all: removed check, dead worker before it began) is UNVERIFIED.
    """
    match raw:
        case None | Raw.UNVERIFIED:
            return Verdict.UNVERIFIED
        case Raw.PASS:
            return Verdict.PASS
        case Raw.REVIEW:
            return Verdict.REVIEW
        case Raw.ERROR:
            return Verdict.ERROR
    return Verdict.FAIL if mandatory else Verdict.WARN


def run_verdict(verdicts: Iterable[Verdict], *, waived: Iterable[bool] = ()) -> RunVerdict:
    """One question's verdict from its checks' verdicts. ``waived`` tells, for each, whether a waiver covers it.

    不適合 beats 未完了; 未完了 beats 適合; nothing executed (no PASS, FAIL or WARN at all) is 未完了.
    """
    judged = list(verdicts)
    covered = list(waived) or [False] * len(judged)
    failed = [one for one, ok in zip(judged, covered, strict=True) if one is Verdict.FAIL and not ok]
    if failed:
        return RunVerdict.NOT_CONFORMANT
    if any(one in (Verdict.UNVERIFIED, Verdict.REVIEW, Verdict.ERROR) for one in judged):
        return RunVerdict.INCOMPLETE
    if not any(one in (Verdict.PASS, Verdict.FAIL, Verdict.WARN) for one in judged):
        return RunVerdict.INCOMPLETE
    if any(one is Verdict.FAIL for one in judged):
        return RunVerdict.CONFORMANT_WAIVED
    return RunVerdict.CONFORMANT


def exit_of(verdict: RunVerdict, *, gate_waived: bool = False) -> Exit:
    """Exit code of one verdict. A run whose only failures are waived is 1 unless the gate is told to let it through."""
    match verdict:
        case RunVerdict.CONFORMANT:
            return Exit.CONFORMANT
        case RunVerdict.CONFORMANT_WAIVED:
            return Exit.CONFORMANT if gate_waived else Exit.NOT_CONFORMANT
        case RunVerdict.NOT_CONFORMANT:
            return Exit.NOT_CONFORMANT
    return Exit.INCOMPLETE
