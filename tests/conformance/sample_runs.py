"""Runs that reporters are tested with: all verdicts, an interrupted run, a trouble, and a product that is hostile."""

from __future__ import annotations

from conformance.events import Event, FoundThis, RunInterrupted, RunStarted, RunTrouble, StepFinished
from conformance.plan import PlannedAttestation
from conformance.results import Results, fold
from conformance.verdicts import Raw
from tests.conformance.factory import AT, ended, evidence, plan_of, planned, stream

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{ 7*7 }}{% raw %} ]]><!-- &amp; [/][bold red]\n"
    "\x1b[2J\x1b]0;owned\x07\x00\x9b31m\r\u202e逆転\u2066\u2028\u0085\ufffe\ue000 =cmd|' /C calc'!A0"
)
"""Everything that has ever escaped from a report."""


def all_verdicts() -> list[Event]:
    """One check of each verdict, of both questions, with a waiver and attestations."""
    plan = plan_of(
        planned("AM-9.1-01a", headline="uketsuke"),
        planned("AM-9.1-02a", headline="endtoend", procedures=("K01",)),
        planned("AM-9.2-03a", function="3.2", mandatory=False),
        planned("AM-9.2-04a", function="3.2"),
        planned("AM-9.3-05a", function="3.3"),
        planned("AM-9.3-06a", function="3.3", status="na", reason="機能 x は宣言されていない"),
        planned("AM-9.4-07a", function="3.4"),
        planned("AM-9.4-08a", function="3.4", status="deselected", reason="選択外"),
        planned("AM-9.4-09a", function="3.4", deciding=False, mandatory=False),
        planned("AM-9.5-10a", function="3.5", verdict="contract", waiver="改修予定（鈴木, 2026-12-31 まで）"),
        attestations=[
            PlannedAttestation(requirement="AM-9.5-06", statement="提供する", by="製造者", date="2026-01-01"),
            PlannedAttestation(requirement="AM-9.5-07"),
        ],
        methods={"K01": "iv"},
    )
    finding = FoundThis(
        ja="住所が違う", en="another address", case="k01-plain", sent="中央区１－２", expected="中央区１－２", actual="",
        evidence=[evidence("GET /申請?x=1\nauthorization: Bearer ［秘匿］", "200\n\n{\"値\": \"<中央区>\"}")],
    )  # fmt: skip
    outcomes = {
        "AM-9.1-01a": Raw.PASS,
        "AM-9.2-03a": Raw.NONCONFORMITY,
        "AM-9.2-04a": Raw.REVIEW,
        "AM-9.3-05a": Raw.UNVERIFIED,
        "AM-9.4-07a": Raw.ERROR,
        "AM-9.4-09a": Raw.NONCONFORMITY,
        "AM-9.5-10a": Raw.NONCONFORMITY,
    }
    events = stream(plan, outcomes)
    events.insert(-1, ended("AM-9.1-02a", Raw.NONCONFORMITY, finding))
    return events


def conformant() -> list[Event]:
    """Everything passed."""
    plan = plan_of(planned("AM-9.1-01a"), planned("AM-9.5-10a", function="3.5", verdict="contract"))
    return stream(plan, {"AM-9.1-01a": Raw.PASS, "AM-9.5-10a": Raw.PASS})


def interrupted() -> list[Event]:
    """Stopped by a person before any check ended."""
    plan = plan_of(planned("AM-9.1-01a"), planned("AM-9.5-10a", function="3.5", verdict="contract"))
    return [*stream(plan, {}, finished=False), RunInterrupted(at=AT, signal="SIGINT")]


def killed() -> list[Event]:
    """Only the plan was written."""
    return [RunStarted(at=AT, plan=plan_of(planned("AM-9.1-01a")))]


def trouble() -> list[Event]:
    """The target could not be read: no plan at all."""
    return [RunTrouble(at=AT, kind="configuration", ja="target.toml: role: 誤り", en="target.toml: role: wrong")]


def hostile(text: str = HOSTILE) -> list[Event]:
    """A product that puts ``text`` wherever a product can put text."""
    plan = plan_of(planned("AM-9.1-01a"), planned("AM-9.5-10a", function="3.5", verdict="contract"), product=text)
    finding = FoundThis(
        ja=text, en=text, sent=text, expected=text, actual=text, case=text, evidence=[evidence(text, text)]
    )
    events = stream(plan, {"AM-9.5-10a": Raw.PASS}, finished=False)
    events.append(StepFinished(at=AT, round="none", step="import:hostile", ok=False, message=text, seconds=1))
    events.append(ended("AM-9.1-01a", Raw.NONCONFORMITY, finding))
    events.append(RunTrouble(at=AT, kind="harness", ja=text, en=text, detail=text))
    return events


RUNS = {
    "all-verdicts": all_verdicts,
    "conformant": conformant,
    "interrupted": interrupted,
    "killed": killed,
    "trouble": trouble,
}


def results_of(name: str) -> Results:
    """The folded results of one of `RUNS`."""
    return fold(RUNS[name]())
