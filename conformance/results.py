"""Folds the events of a run into its results: one verdict per planned check, two verdicts, headlines, exit code.

Pure: the same events give the same results, now, from a killed run, or years later from a bundle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conformance.events import (
    ApplicationsGiven,
    ApplicationsSeen,
    CheckEnded,
    Event,
    FoundThis,
    GivenApplication,
    RegistersGiven,
    RoundStarted,
    RunFinished,
    RunInterrupted,
    RunStarted,
    RunTrouble,
    RunWarning,
    SeenApplication,
    StepFinished,
    StepStarted,
    StrangeCall,
)
from conformance.plan import Plan, PlannedAttestation, PlannedCheck
from conformance.verdicts import Exit, Raw, RunVerdict, Verdict, exit_of, run_verdict, strongest, verdict_of, worst


@dataclass(frozen=True)
class CheckResult:
    planned: PlannedCheck
    verdict: Verdict
    findings: tuple[FoundThis, ...]
    seconds: float
    reason_ja: str = ""
    reason_en: str = ""


@dataclass(frozen=True)
class Question:
    """One of the two questions of a run, never merged."""

    key: str
    verdict: RunVerdict
    counts: dict[Verdict, int]
    reasons: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Headline:
    """Level 1 受付体制 (必要), level 2 エンドツーエンド (積極的に検討) per procedure."""

    key: str
    procedure: str
    verdict: RunVerdict | None
    note_ja: str = ""
    note_en: str = ""


@dataclass(frozen=True)
class Results:
    plan: Plan | None
    checks: tuple[CheckResult, ...]
    attestations: tuple[PlannedAttestation, ...]
    clause: Question | None
    contract: Question | None
    headlines: tuple[Headline, ...]
    troubles: tuple[RunTrouble, ...]
    interrupted: str
    finished: bool
    seconds: float
    steps: tuple[StepFinished, ...]
    step_words: Mapping[tuple[str, str], tuple[str, str]]
    """(round, step) → what it is for (Japanese, English); the network lab's steps are their rounds and have none."""
    rounds: tuple[RoundStarted, ...]
    foreign: tuple[str, ...]
    warnings: tuple[tuple[str, str], ...] = ()
    """What a reader should know about the run itself (Japanese, English); no verdict rests on it."""
    strange: tuple[StrangeCall, ...] = ()
    """Calls that carried no credential of this run."""
    started_at: str = ""
    given: tuple[GivenApplication, ...] = ()
    registers: RegistersGiven | None = None
    seen: tuple[SeenApplication, ...] = ()
    ended: tuple[CheckEnded, ...] = ()
    """How every phase of every check ended, as it was told."""

    def exit(self, *, gate_waived: bool = False) -> Exit:
        """The exit code: 2 > 3 > 1 > 4 > 0. No plan, no end of the run, no executed check, a selection: never 0."""
        exits = [Exit.CONFIGURATION if one.kind == "configuration" else Exit.HARNESS for one in self.troubles]
        if self.foreign or any(one.verdict is Verdict.ERROR for one in self.checks):
            exits.append(Exit.HARNESS)
        for question in (self.clause, self.contract):
            if question is not None:
                exits.append(exit_of(question.verdict, gate_waived=gate_waived))
        if not gate_waived and any(one.verdict is Verdict.FAIL and one.planned.deciding for one in self.checks):
            exits.append(Exit.NOT_CONFORMANT)  # also when it is waived and something else is incomplete
        left_out = any(one.planned.status == "deselected" for one in self.checks)
        if self.interrupted or not self.finished or self.plan is None or left_out:
            exits.append(Exit.INCOMPLETE)
        return strongest(exits)


def fold(events: Iterable[Event]) -> Results:
    """The results of a stream of events, complete or cut short."""
    plan: Plan | None = None
    ended: dict[str, list[CheckEnded]] = defaultdict(list)
    troubles: list[RunTrouble] = []
    warnings: list[tuple[str, str]] = []
    strange: list[StrangeCall] = []
    steps: list[StepFinished] = []
    words: dict[tuple[str, str], tuple[str, str]] = {}
    rounds: list[RoundStarted] = []
    given: dict[str, GivenApplication] = {}
    seen: list[SeenApplication] = []
    registers: RegistersGiven | None = None
    interrupted, finished, seconds, started_at = "", False, 0.0, ""
    for event in events:
        match event:
            case RunStarted():
                plan, started_at = event.plan, event.at.isoformat()
            case CheckEnded():
                ended[event.check].append(event)
            case RunTrouble():
                troubles.append(event)
            case RunWarning():
                warnings.append((event.ja, event.en))
                strange += event.calls
            case RunInterrupted():
                interrupted = event.signal
            case StepStarted():
                words[event.round, event.step] = (event.ja, event.en)
            case StepFinished():
                steps.append(event)
            case RoundStarted():
                rounds.append(event)
            case ApplicationsGiven():
                given.update({one.receipt_no: one for one in event.applications})
            case RegistersGiven():
                registers = event
            case ApplicationsSeen():
                seen += event.applications
            case RunFinished():
                finished, seconds = True, event.seconds
    checks = tuple(_result(one, ended.get(one.id, [])) for one in plan.checks) if plan else ()
    known = {one.id for one in plan.checks} if plan else set()
    return Results(
        plan=plan,
        checks=checks,
        attestations=plan.attestations if plan else (),
        clause=_question("clause", plan, checks) if plan and _asked("clause", plan) else None,
        contract=_question("contract", plan, checks) if plan and _asked("contract", plan) else None,
        headlines=_headlines(plan, checks) if plan else (),
        troubles=tuple(troubles),
        interrupted=interrupted,
        finished=finished,
        seconds=seconds,
        steps=tuple(steps),
        step_words=words,
        rounds=tuple(rounds),
        foreign=tuple(sorted(set(ended) - known)),
        warnings=(*warnings, *_idle_waivers(plan, checks)),
        strange=tuple(strange),
        started_at=started_at,
        given=tuple(given.values()),
        registers=registers,
        seen=tuple(seen),
        ended=tuple(one for phases in ended.values() for one in phases),
    )


def _idle_waivers(plan: Plan | None, checks: tuple[CheckResult, ...]) -> list[tuple[str, str]]:
    """Waivers that waived nothing: what they were for has been mended, or was not looked at."""
    verdicts = {one.planned.id: one.verdict for one in checks}
    return [
        (
            f"{one.check} の免除（{one.owner}、{one.expires} まで）は使われなかった。判定は {verdicts[one.check].value}。不要なら target.toml から消す",
            f"the waiver of {one.check} ({one.owner}, until {one.expires}) was not used, the verdict is {verdicts[one.check].value}: delete it when it is not needed",
        )
        for one in (plan.waivers if plan else ())
        if one.check in verdicts and verdicts[one.check] is not Verdict.FAIL
    ]


def _result(planned: PlannedCheck, ended: list[CheckEnded]) -> CheckResult:
    if planned.status == "na":
        return CheckResult(planned, Verdict.NA, (), 0, planned.reason_ja, planned.reason_en)
    if planned.status == "deselected":
        return CheckResult(planned, Verdict.UNVERIFIED, (), 0, planned.reason_ja, planned.reason_en)
    raw: Raw | None = worst(one.raw for one in ended)
    verdict = verdict_of(raw, mandatory=planned.mandatory)
    findings = tuple(one.finding for one in ended if one.finding is not None)
    if raw is None:
        return CheckResult(planned, verdict, (), 0, "結果が出ていない", "no result was given")
    first = findings[0] if findings else None
    return CheckResult(
        planned,
        verdict,
        findings,
        sum(one.seconds for one in ended),
        first.ja if first else "",
        first.en if first else "",
    )


def _asked(key: str, plan: Plan) -> bool:
    """Whether the plan asks the question: network roles have no interface contract, packages no clause of their own."""
    return any(one.verdict == key for one in plan.checks) or (key == "clause" and bool(plan.attestations))


def _question(key: str, plan: Plan, checks: tuple[CheckResult, ...]) -> Question:
    mine = [one for one in checks if one.planned.deciding and one.planned.verdict == key]
    verdicts = [one.verdict for one in mine]
    reasons: list[tuple[str, str]] = []
    verdict = run_verdict(verdicts, waived=[bool(one.planned.waiver) for one in mine])
    if key == "clause":
        open_ = [one.requirement for one in plan.attestations if not one.answered]
        if open_:
            reasons.append((f"申告のない項目: {', '.join(open_)}", f"not attested: {', '.join(open_)}"))
        idle = _functions_without_execution(plan, checks)
        if idle:
            names = ", ".join(f"③-{one[2:]}" for one in idle)
            reasons.append((f"実施された検査が一つも無い機能: {names}", f"no executed check for: {names}"))
        if reasons and verdict in (RunVerdict.CONFORMANT, RunVerdict.CONFORMANT_WAIVED):
            verdict = RunVerdict.INCOMPLETE
    counts = {one: verdicts.count(one) for one in Verdict}
    return Question(key, verdict, counts, tuple(reasons))


def _functions_without_execution(plan: Plan, checks: tuple[CheckResult, ...]) -> list[str]:
    executed = {one.planned.function for one in checks if one.verdict in (Verdict.PASS, Verdict.FAIL, Verdict.WARN)}
    return [one for one in plan.functions if one not in executed]


def _headlines(plan: Plan, checks: tuple[CheckResult, ...]) -> tuple[Headline, ...]:
    deciding = [one for one in checks if one.planned.deciding]
    level1 = [one for one in deciding if one.planned.headline == "uketsuke"]
    lines = [Headline("uketsuke", "", _of(level1))] if level1 else []
    for procedure in sorted({name for one in plan.checks for name in one.procedures if name in _declared(plan)}):
        method = plan.methods.get(procedure, "")
        if not method:
            lines.append(
                Headline("endtoend", procedure, None, "取込方式の宣言がない（推奨未達）", "no import method declared")
            )
            continue
        mine = [
            one
            for one in deciding
            if one.planned.headline == "endtoend"
            and (procedure in one.planned.procedures or not one.planned.procedures)
        ]
        lines.append(Headline("endtoend", procedure, _of(mine), f"方式 {method}", f"method {method}"))
    return tuple(lines)


def _of(checks: list[CheckResult]) -> RunVerdict:
    return run_verdict([one.verdict for one in checks], waived=[bool(one.planned.waiver) for one in checks])


def _declared(plan: Plan) -> set[str]:
    return {name for one in plan.checks if one.status != "na" for name in one.procedures} - {"S02"}
