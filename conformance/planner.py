"""From catalogue, target and selection to the plan: which rounds, which checks, what is 対象外, what must be attested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from conformance import SUITE_VERSION
from conformance.catalogue import Catalogue, Check, load_catalogue
from conformance.plan import (
    Plan,
    PlannedAttestation,
    PlannedCheck,
    PlannedRequirement,
    PlannedRound,
    ProfileNote,
    Waiver,
)
from conformance.selection import selects
from conformance.target import Target, TargetError
from fixtures.errors import NotExpressible
from fixtures.outline import carried_case, travelling_procedures
from interface_spec.procedures import load_procedures
from interface_spec.profile import Profile
from interface_spec.requirements import FEATURES, Requirement, load_requirements

if TYPE_CHECKING:
    from fixtures.world import World

RESTS_ON = {
    "am": ("surfaces.download", "surfaces.link", "surfaces.atena", "surfaces.handover", "package", "dialects"),
    "package": ("package",),
}
"""Role → the parts of the profile that its verdicts rest on; a role that is not named rests on all of it."""


def procedure_of(case: str) -> str:
    """Procedure id of a case by its name (``k01-plain#3`` → K01); broken packages are K01 applications."""
    head = case.split("-", 1)[0].upper()
    return head if head in load_procedures() else "K01"


def to_carry(target: Target) -> tuple[str, ...]:
    """Procedures of the target that no check has a case of, and whose applications take this way: one each is carried.

    No check looks at them; 手続の接続状況 says how far they came.
    """
    checked = {procedure_of(case) for one in load_catalogue(target.role).checks.values() for case in one.cases}
    return tuple(one for one in target.run.procedures if one in travelling_procedures() and one not in checked)


def carried_cases(world: World, target: Target) -> tuple[list[str], dict[str, str]]:
    """The applications of `to_carry`, and of each procedure whose application the profile cannot carry, the reason."""
    found, beyond = list[str](), dict[str, str]()
    for procedure in to_carry(target):
        try:
            found.append(world.case(carried_case(procedure)).name)
        except NotExpressible as error:
            beyond[procedure] = str(error)
    return found, beyond


def inexpressible(world: World, role: str) -> dict[str, str]:
    """Cases of the role that the profile of ``world`` cannot carry, with the reason (Japanese / English)."""
    found: dict[str, str] = {}
    for name in sorted({case for check in load_catalogue(role).checks.values() for case in check.cases}):
        try:
            world.case(name)
        except NotExpressible as error:
            found[name] = str(error)
    return found


def _select(catalogue: Catalogue, wanted: Iterable[str]) -> set[str]:
    """Ids that a selection keeps: each word is an id, a glob over ids, or a piece of a title. TargetError when none."""
    kept: set[str] = set()
    for word in wanted:
        found = {check.id for check in catalogue.checks.values() if selects(word, check.id, check.ja, check.en)}
        if not found:
            raise TargetError(
                f"-k {word}",
                f"当てはまる検査がありません（shinsei checks {catalogue.role} で一覧）",
                f"no check matches (shinsei checks {catalogue.role} lists them)",
            )
        kept |= found
    return kept


def _status(
    check: Check,
    requirement: Requirement,
    target: Target,
    selected: set[str] | None,
    beyond: Mapping[str, str],
) -> tuple[Literal["run", "na", "deselected"], str, str]:
    if not target.declare.has(requirement.condition):
        return "na", f"機能 {requirement.condition} は宣言されていない", f"{requirement.condition} is not declared"
    if check.needs == "screen" and not target.endpoints.screen:
        return "na", "照会画面の場所（endpoints.screen）が無く、申告で確かめる", "no endpoints.screen: attested instead"
    if check.needs == "handover-calls" and target.handover.kind != "http":
        return (
            "na",
            "ファイルで渡す製品には、受付番号で求める口が無い",
            "handed over by files: nobody can ask by number",
        )
    if check.needs == "staff-calls" and target.adapter.kind in ("files", "operator"):
        return (
            "na",
            f"アダプタ {target.adapter.kind} では、理由や版を変えた一回ごとの操作を製品に伝えられない",
            f"the {target.adapter.kind} adapter cannot pass on single calls with other reasons or versions",
        )
    undeclared = sorted({procedure_of(case) for case in check.cases} - set(target.run.procedures) - {"S02"})
    if undeclared:
        names = ", ".join(undeclared)
        return "na", f"手続 {names} は対象に宣言されていない", f"procedure {names} is not declared"
    if impossible := [case for case in check.cases if case in beyond]:
        ja, _, en = beyond[impossible[0]].partition(" / ")
        return (
            "na",
            f"事例 {impossible[0]} はこの上書きプロファイルでは表せない: {ja}",
            f"case {impossible[0]} cannot be expressed under this overlay: {en or ja}",
        )
    if selected is not None and check.id not in selected:
        return "deselected", "選択外", "left out by the selection"
    return "run", "", ""


def _waivers(target: Target, catalogue: Catalogue, today: date) -> tuple[Waiver, ...]:
    for entry in target.waiver:
        if entry.check not in catalogue.checks:
            raise TargetError(
                "waiver",
                f"検査 {entry.check} はありません（綴りを確認してください）",
                f"there is no check {entry.check}",
            )
        if entry.expires < today:
            raise TargetError(
                "waiver",
                f"{entry.check} の免除は {entry.expires} に期限が切れています（延長するか削除してください）",
                f"the waiver of {entry.check} expired on {entry.expires} (extend or delete it)",
            )
    return tuple(Waiver(**entry.model_dump()) for entry in target.waiver)


def _attestations(
    role: str, target: Target, requirements: Mapping[str, Requirement], covered: set[str]
) -> list[PlannedAttestation]:
    """Binding requirements of the deciding sets that no check of this run covers; those of the 団体 are not the product's."""
    entries = []
    for one in requirements.values():
        binding = (
            one.level_for(target.declare.has) == "必須" and one.set in target.run.deciding_sets and role in one.roles
        )
        binding = binding and not one.id.startswith("MUN-")
        if binding and one.id not in covered and target.declare.has(one.condition):
            answer = target.attestations.get(one.id)
            entries.append(
                PlannedAttestation(
                    requirement=one.id,
                    statement=answer.statement if answer else "",
                    by=answer.by if answer else "",
                    date=answer.date.isoformat() if answer else "",
                )
            )
    for answered in target.attestations:
        if answered not in requirements:
            raise TargetError(
                f"attestations.{answered}",
                "その要件はカタログにありません（shinsei requirements list で一覧）",
                "there is no such requirement (shinsei requirements list)",
            )
    return entries


def _known_words(target: Target) -> None:
    """Names in the target that stand for something of ours: a misspelt one would silently leave checks out."""
    procedures, sets = load_procedures(), {one.set for one in load_requirements().values()}
    wanted = (
        ("run.procedures", target.run.procedures, procedures),
        ("run.deciding_sets", target.run.deciding_sets, sets),
        ("declare.methods", target.declare.methods, procedures),
        ("declare.features", target.declare.features, FEATURES),
    )
    for field, words, known in wanted:
        for word in words:
            if word not in known:
                names = ", ".join(sorted(known))
                raise TargetError(
                    field, f"{word} はありません（あるもの: {names}）", f"unknown: {word} (known: {names})"
                )


def make_plan(
    *,
    run_id: str,
    target: Target,
    profile: Profile,
    world_version: str,
    reference_date: date,
    select: Iterable[str] = (),
    mutant: str = "",
    started_by: str = "",
    today: date,
    beyond: Mapping[str, str] | None = None,
    carried: tuple[Sequence[str], Mapping[str, str]] = ((), {}),
) -> Plan:
    """The plan of one run. Raises TargetError for a selection or waiver that cannot be used.

    ``carried``: applications that are sent beside those of the checks when the whole role is tested, and procedures
    of which the profile cannot carry one (`carried_cases`).
    ``beyond``: cases that the profile cannot carry with the reason (`inexpressible`); their checks are 対象外.
    """
    catalogue = load_catalogue(target.role)
    requirements = load_requirements()
    words = list(select)
    selected = _select(catalogue, words) if words else None
    _known_words(target)
    waivers = _waivers(target, catalogue, today)
    waived = {one.check: f"{one.reason}（{one.owner}, {one.expires} まで）" for one in waivers}

    checks: list[PlannedCheck] = []
    for check in catalogue.checks.values():
        requirement = requirements[check.requirement]
        status, reason_ja, reason_en = _status(check, requirement, target, selected, beyond or {})
        checks.append(
            PlannedCheck(
                id=check.id,
                ja=check.ja,
                en=check.en,
                requirement=requirement.id,
                also=check.also,
                mandatory=requirement.level_for(target.declare.has) == "必須",
                deciding=requirement.set in target.run.deciding_sets,
                verdict=requirement.verdict,
                headline=requirement.headline,
                function=requirement.function,
                round=check.disturbance,
                cases=check.cases,
                procedures=tuple(sorted({procedure_of(case) for case in check.cases})),
                status=status,
                reason_ja=reason_ja,
                reason_en=reason_en,
                waiver=waived.get(check.id, ""),
            )
        )

    active = [one for one in checks if one.status == "run"]
    needed = {one.round for one in active}
    rounds = tuple(
        PlannedRound(
            id=name,
            ja=disturbance.ja,
            en=disturbance.en,
            cases=(
                *sorted({case for one in active if one.round == name for case in one.cases}),
                *(carried[0] if name == "none" and selected is None else ()),
            ),
        )
        for name, disturbance in catalogue.disturbances.items()
        if name in needed
    )
    covered = {name for one in checks if one.status != "na" for name in (one.requirement, *one.also)}
    attestations = _attestations(target.role, target, requirements, covered)
    cited = {name for one in checks for name in (one.requirement, *one.also)} | {
        one.requirement for one in attestations
    }
    return Plan(
        run_id=run_id,
        role=target.role,
        suite_version=SUITE_VERSION,
        world_version=world_version,
        seed=target.run.seed,
        reference_date=reference_date,
        started_by=started_by,
        mutant=mutant,
        adapter=target.adapter.kind,
        shared=bool(catalogue.windows) and target.shares_imports(),
        product=target.product.model_dump(),
        profile=ProfileNote(
            id=profile.profile.id,
            edition=profile.profile.edition,
            ja=profile.profile.ja,
            en=profile.profile.en,
            overlay=Path(target.profile.overlay).name,
            dialects=tuple(f"{name}: {profile.surfaces[name].dialect}" for name in profile.dialects_in_force()),
            assumptions=tuple(
                (one.place, one.what, one.provenance) for one in profile.assumptions(RESTS_ON.get(target.role, ()))
            ),
        ),
        deciding_sets=target.run.deciding_sets,
        requirements={
            name: PlannedRequirement(
                **{key: getattr(requirements[name], key) for key in PlannedRequirement.model_fields}
                | {"level": requirements[name].level_for(target.declare.has)}
            )
            for name in sorted(cited)
        },
        checks=tuple(checks),
        attestations=tuple(attestations),
        rounds=rounds,
        waivers=waivers,
        methods=dict(target.declare.methods),
        not_carried=dict(carried[1]),
        functions=tuple(sorted({one.function for one in checks if one.function})),
    )
