"""Small plans and event streams, made by hand, so that folding and reports are tested without any run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from conformance.events import (
    CheckEnded,
    Event,
    EventLog,
    Evidence,
    FoundThis,
    RoundStarted,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)
from conformance.plan import Plan, PlannedAttestation, PlannedCheck, PlannedRequirement, PlannedRound, ProfileNote
from conformance.verdicts import Raw

AT = datetime(2026, 1, 15, 1, 2, 3, tzinfo=UTC)
REQUIREMENT = "AM-9.1-01"


def planned(
    check_id: str = f"{REQUIREMENT}a",
    *,
    mandatory: bool = True,
    deciding: bool = True,
    verdict: Literal["clause", "contract"] = "clause",
    headline: Literal["", "uketsuke", "endtoend"] = "",
    function: str = "3.1",
    status: Literal["run", "na", "deselected"] = "run",
    procedures: tuple[str, ...] = (),
    reason: str = "",
    waiver: str = "",
) -> PlannedCheck:
    """One expected check."""
    return PlannedCheck(
        id=check_id,
        ja=f"{check_id} の振舞い",
        en=f"behaviour of {check_id}",
        requirement=check_id[:-1],
        also=(),
        mandatory=mandatory,
        deciding=deciding,
        verdict=verdict,
        headline=headline,
        function=function,
        round="none",
        cases=("k01-plain",),
        procedures=procedures,
        status=status,
        reason_ja=reason,
        reason_en=reason,
        waiver=waiver,
    )


def plan_of(
    *checks: PlannedCheck,
    attestations: Sequence[PlannedAttestation] = (),
    product: str = "試作品",
    mutant: str = "",
    methods: Mapping[str, str] | None = None,
) -> Plan:
    """A plan that holds ``checks`` and the requirements that they cite."""
    cited = {one.requirement for one in checks} | {one.requirement for one in attestations}
    return Plan(
        run_id="20260115-100203-am-0000",
        role="am",
        suite_version="0.0.0",
        world_version="1",
        seed=7,
        reference_date=date(2026, 1, 15),
        started_by="tester@host",
        mutant=mutant,
        adapter="http",
        product={"name": product, "version": "1.2", "vendor": "製造者"},
        profile=ProfileNote(
            id="baseline",
            edition="1",
            ja="模擬契約",
            en="mock contract",
            assumptions=(("surfaces.download.login", "account", "仮定"),),
        ),
        deciding_sets=("tejunsho-1.0",),
        requirements={
            name: PlannedRequirement(
                id=name,
                set="tejunsho-1.0",
                source="手順書1.0",
                clause="5章③-1",
                ja=f"{name} の要件",
                en=f"requirement {name}",
                level="必須",
                why="住民の申請が失われるため",
                why_en="Residents' applications are lost.",
                source_en="Procedure manual 1.0",
                provenance="公開",
            )
            for name in sorted(cited)
        },
        checks=checks,
        attestations=tuple(attestations),
        rounds=(PlannedRound(id="none", ja="擾乱なし", en="undisturbed", cases=("k01-plain",)),),
        methods=dict(methods or {}),
        functions=tuple(sorted({one.function for one in checks if one.function})),
    )


def ended(check_id: str, raw: Raw, finding: FoundThis | None = None, phase: str = "call") -> CheckEnded:
    """One ended phase; what is not a pass carries a finding."""
    if finding is None and raw is not Raw.PASS:
        finding = FoundThis(ja=f"{raw} の所見", en=f"finding of {raw}", expected="1", actual="2", case="k01-plain")
    return CheckEnded.model_validate(
        {"at": AT, "check": check_id, "phase": phase, "raw": raw, "seconds": 0.25, "finding": finding}
    )


def stream(plan: Plan, outcomes: Mapping[str, Raw], *, finished: bool = True) -> list[Event]:
    """The events of a run of ``plan``; a check that ``outcomes`` does not name emits nothing."""
    events: list[Event] = [
        RunStarted(at=AT, plan=plan),
        RoundStarted(at=AT, round="none", number=1, of=1, ja="擾乱なし", en="undisturbed"),
        StepStarted(at=AT, round="none", step="import:first", ja="取り込む", en="import", actor="product"),
        StepFinished(at=AT, round="none", step="import:first", ok=True, message="3 件", seconds=1.5),
    ]
    events += [ended(name, raw) for name, raw in outcomes.items()]
    if finished:
        events.append(RunFinished(at=AT, seconds=12.5))
    return events


def evidence(request: str = "GET /x", response: str = "200\n\nok") -> Evidence:
    """One recorded exchange."""
    return Evidence(
        seq=3,
        at=AT.isoformat(),
        system="download",
        operation="list",
        peer="127.0.30.1",
        request=request,
        response=response,
    )


def write_events(path: Path, events: Sequence[Event]) -> Path:
    """The stream as a run leaves it on disk."""
    log = EventLog(path)
    for event in events:
        log.emit(event)
    log.close()
    return path
