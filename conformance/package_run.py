"""A validation of application ZIPs (role `package`) as a run: a plan over all rules, events, and so every report.

The validator judges against the interface profile, so a run answers 契約適合 only. A rule that could not be looked at,
because the container of a file cannot be trusted, is 未検証 for that file and never passed over as kept.
"""

from __future__ import annotations

import getpass
import hashlib
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from conformance import SUITE_VERSION
from conformance.events import CheckEnded, EventLog, FoundThis, RoundStarted, RunFinished, RunStarted, StepFinished
from conformance.evidence.manifest import suite_digest
from conformance.plan import Challenge, Plan, PlannedCheck, PlannedInput, PlannedRequirement, PlannedRound, ProfileNote
from conformance.planner import RESTS_ON
from conformance.selection import selects
from conformance.suites.package.consistency import Listed
from conformance.suites.package.findings import Rule, load_rules
from conformance.suites.package.validate import Report
from conformance.verdicts import Raw
from interface_spec.errors import SpecError
from interface_spec.profile import Profile

ROLE = "package"
SET = "package-rules"
OUTER = ("PKG-ZIP-", "PKG-NAME-")
"""Rules of the container: a nonconformity here ends the reading of that file."""
READ_LATER = ("PKG-ZIP-DATA", "PKG-ZIP-LENGTH", "PKG-ZIP-CRC")
"""Rules of the container that are found while contents are read."""


@dataclass(frozen=True)
class Judged:
    """One file and what the validator said of it."""

    name: str
    sha256: str
    report: Report


def judged(path: Path, report: Report) -> Judged:
    """``report`` with the digest of its file. Raises OSError when it cannot be read."""
    with path.open("rb") as file:
        return Judged(path.name, hashlib.file_digest(file, "sha256").hexdigest(), report)


def package_plan(
    run_id: str,
    profile: Profile,
    overlay: str,
    files: Sequence[Judged],
    today: date,
    *,
    select: Sequence[str] = (),
    mutant: str = "",
    seed: int = 0,
    challenge: Challenge | None = None,
    product: Mapping[str, str] | None = None,
    listed: Listed | None = None,
) -> Plan:
    """Every rule as a planned check, whatever the files turned out to be. SpecError for a selector that fits none.

    ``product``: who wrote the files, when they are made for this run; ``listed``: what they were compared with.
    """
    rules, listed = load_rules().values(), listed or Listed()
    kept = _selected(rules, select)
    return Plan(
        run_id=run_id,
        role=ROLE,
        suite_version=SUITE_VERSION,
        suite_sha256=suite_digest(),
        world_version="",
        seed=seed,
        challenge=challenge,
        mutant=mutant,
        reference_date=today,
        started_by=f"{getpass.getuser()}@{socket.gethostname()}",
        adapter="fixtures" if product else "files",
        product=dict(product or _product(files)),
        profile=ProfileNote(
            id=profile.profile.id,
            edition=profile.profile.edition,
            ja=profile.profile.ja,
            en=profile.profile.en,
            overlay=overlay,
            dialects=tuple(f"{name}: {profile.surfaces[name].dialect}" for name in profile.dialects_in_force()),
            assumptions=tuple((one.place, one.what, one.provenance) for one in profile.assumptions(RESTS_ON[ROLE])),
        ),
        deciding_sets=(SET,),
        requirements={one.id: _requirement(one) for one in rules},
        checks=tuple(_check(one, kept) for one in rules),
        attestations=(),
        rounds=(PlannedRound(id="none", ja="申請ZIPを読む", en="reading the packages", cases=()),),
        inputs=(
            *(PlannedInput(option="FILE", name=one.name, sha256=one.sha256) for one in files),
            *(
                PlannedInput(option=f"listed.{name}", name=value, sha256="")
                for name, value in asdict(listed).items()
                if value
            ),
        ),
    )


def planned_rules(plan: Plan) -> tuple[PlannedCheck, ...]:
    """The checks as `package_plan` makes them, with what ``plan`` left out by its selection."""
    left_out = {one.id for one in plan.checks if one.status == "deselected"}
    rules = load_rules().values()
    return tuple(_check(one, {rule.id for rule in rules} - left_out) for one in rules)


def _product(files: Sequence[Judged]) -> dict[str, str]:
    """Whoever wrote the files is not known: the files stand for it."""
    return {"name": "、".join(one.name for one in files[:5]), "version": f"{len(files)} ZIP", "vendor": "―"}


def _selected(rules: Iterable[Rule], words: Sequence[str]) -> set[str] | None:
    """Ids that the selectors keep (id, glob, part of the title); None: all."""
    kept: set[str] = set()
    for word in words:
        found = {one.id for one in rules if selects(word, one.id, one.ja, one.en)}
        if not found:
            problem = "当てはまる規則がありません（shinsei checks package で一覧） / no rule matches the selector"
            raise SpecError(f"-k {word}", "", problem)
        kept |= found
    return kept if words else None


def _requirement(rule: Rule) -> PlannedRequirement:
    return PlannedRequirement(
        id=rule.id,
        set=SET,
        source="申請ZIPの規則",
        source_en="Rules of the application ZIP",
        clause=rule.clause,
        ja=f"次のことがない: {rule.ja}",
        en=f"this must not occur: {rule.en}",
        level="契約" if rule.level == "nonconformity" else "注意",
        why="",
        provenance=rule.provenance,
    )


def _check(rule: Rule, kept: set[str] | None) -> PlannedCheck:
    left_out = kept is not None and rule.id not in kept
    return PlannedCheck(
        id=rule.id,
        ja=f"ない: {rule.ja}",
        en=f"none: {rule.en}",
        requirement=rule.id,
        also=(),
        mandatory=rule.level == "nonconformity",
        deciding=True,
        verdict="contract",
        headline="",
        function=f"pkg.{rule.id.split('-')[1].lower()}",
        round="none",
        cases=(),
        procedures=(),
        status="deselected" if left_out else "run",
        reason_ja="選択外" if left_out else "",
        reason_en="left out by the selection" if left_out else "",
    )


def write_run(plan: Plan, files: Sequence[Judged], run_dir: Path) -> None:
    """Writes plan and events of a validation to the folder ``run_dir``."""
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "plan.json").write_text(plan.model_dump_json(indent=1), encoding="utf-8")
    log = EventLog(run_dir / "events.ndjson")
    at = datetime.now(UTC)
    log.emit(RunStarted(at=at, plan=plan))
    log.emit(RoundStarted(at=at, round="none", number=1, of=1, ja=plan.rounds[0].ja, en=plan.rounds[0].en))
    for one in files:
        words = f"{one.report.entries} エントリ、SHA-256 {one.sha256}"
        log.emit(StepFinished(at=at, round="none", step=one.name, ok=one.report.conforming, message=words, seconds=0))
    for check in plan.checks:
        for one in files if check.status == "run" else ():
            for raw, finding in _ends(check.id, one):
                log.emit(CheckEnded(at=at, check=check.id, phase="call", raw=raw, finding=finding))
    log.emit(RunFinished(at=at, seconds=(datetime.now(UTC) - at).total_seconds()))
    log.close()


def _ends(rule: str, one: Judged) -> list[tuple[Raw, FoundThis | None]]:
    """How a rule ended for a file: one entry a finding, a pass, or 未検証."""
    found = [finding for finding in one.report.findings if finding.rule.id == rule]
    if found:
        return [
            (
                Raw.NONCONFORMITY,
                FoundThis(
                    ja=f"{finding.rule.ja}（{finding.place}）",
                    en=f"{finding.rule.en} ({finding.place})",
                    sent=f"SHA-256 {one.sha256}",
                    expected=finding.expected,
                    actual=finding.actual,
                    case=one.name,
                ),
            )
            for finding in found
        ]
    if _unread(one.report) and (not rule.startswith(OUTER) or rule in READ_LATER):
        return [
            (
                Raw.UNVERIFIED,
                FoundThis(
                    ja="ZIPの器に誤りがあり、中を読んでいない",
                    en="the container is wrong, nothing inside it was read",
                    case=one.name,
                ),
            )
        ]
    return [(Raw.PASS, None)]


def _unread(report: Report) -> bool:
    return any(
        one.rule.level == "nonconformity" and one.rule.id.startswith(OUTER) and one.rule.id not in READ_LATER
        for one in report.findings
    )
