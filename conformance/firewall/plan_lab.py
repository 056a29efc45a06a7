"""The plan of a run of the roles `fw` and `relay`: from policy, suite catalogue and declarations to a `Plan` as of any other role."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from conformance import SUITE_VERSION
from conformance.catalogue import Catalogue, Check, load_catalogue
from conformance.firewall.matrix import SCOPES, build_matrix
from conformance.firewall.tricks import NOT_TESTABLE, PaperWires, build_tricks
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
from interface_spec.errors import SpecError
from interface_spec.policy import FirewallName, Policy
from interface_spec.requirements import Requirement, load_requirements

DECIDING_SETS = ("tejunsho-1.0",)
Declares = Callable[[str], bool]


@dataclass(frozen=True)
class Declared:
    """What the product says it is. ``proxy``: 連携サーバ handed in, with or without a log; ``relay_kind`` of the role `relay`.

    ``tables``: firewalls whose rules came as a neutral table.
    """

    policy: Policy
    role: str
    relay_kind: str = "proxy"
    log: bool = True
    tables: tuple[FirewallName, ...] = ()

    def feature(self, name: str) -> bool:
        match name:
            case "":
                return True
            case "subsidy":
                return self.policy.subsidy
            case "standard_config":
                return self.relay_kind == "proxy"
        return False


def _cases_of(policy: Policy) -> dict[str, set[str]]:
    """Cases that this policy's topology makes each scope meet."""
    tricks = build_tricks(PaperWires(policy))
    found: dict[str, set[str]] = {}
    for scope in SCOPES:
        cells = {cell.case for cell in build_matrix(policy) if cell.expected(scope) is not None}
        found[scope] = cells | {trick.case for trick in tricks if trick.meets(scope)}
    return found


def _not_applicable(
    check: Check, requirement: Requirement, declared: Declared, met: Mapping[str, set[str]]
) -> tuple[str, str]:
    if not requirement.applies(declared.feature):
        return f"機能 {requirement.condition} は宣言されていない", f"{requirement.condition} is not declared"
    match check.needs:
        case "proxy" if declared.relay_kind != "proxy":
            return "プロキシでない連携サーバには当たらない", "does not apply to a relay that is no proxy"
        case "not-proxy" if declared.relay_kind == "proxy":
            return "プロキシの連携サーバには当たらない", "does not apply to a proxy"
        case "log" if not declared.log or declared.relay_kind != "proxy":
            return "記録の場所が宣言されていない", "no log is declared"
    if check.disturbance in met:
        known = {case for cases in met.values() for case in cases}
        exact = {name.partition("@")[0] for name in check.cases} & known
        if exact and not exact & met[check.disturbance]:
            return (
                f"構成 {declared.policy.topology} では、この通信はこのファイアウォールを通らない",
                f"in topology {declared.policy.topology} this traffic does not cross this firewall",
            )
    return "", ""


def make_lab_plan(
    *,
    run_id: str,
    declared: Declared,
    product: Mapping[str, str],
    reference_date: date,
    selected: Sequence[str] = (),
    adapter: str = "lab",
    mutant: str = "",
    started_by: str = "",
    world_version: str = "1",
    attestations: Mapping[str, tuple[str, str, str]] | None = None,
    waivers: Iterable[Waiver] = (),
) -> Plan:
    """The whole role as a plan. SpecError for a selector, waiver or attestation that fits nothing."""
    catalogue = load_catalogue(declared.role)
    requirements = load_requirements()
    kept = _selected(catalogue, selected)
    met = _cases_of(declared.policy) if declared.role == "fw" else {}
    granted = tuple(waivers)
    _check_waivers(granted, catalogue, reference_date)
    waived = {one.check: f"{one.reason}（{one.owner}, {one.expires} まで）" for one in granted}
    checks = tuple(
        _planned(check, requirements[check.requirement], declared, met, kept, waived)
        for check in catalogue.checks.values()
    )
    # A row of 図表12 that this topology does not lead over the firewall is answered by the stated reading.
    answered = [one for one in checks if one.status != "na" or one.round in met]
    covered = {name for one in answered for name in (one.requirement, *one.also)}
    answers = _attestations(declared, requirements, covered, attestations or {})
    cited = {name for one in checks for name in (one.requirement, *one.also)} | {one.requirement for one in answers}
    rounds = {one.round for one in checks if one.status == "run"}
    return Plan(
        run_id=run_id,
        role=declared.role,
        suite_version=SUITE_VERSION,
        world_version=world_version,
        seed=0,
        reference_date=reference_date,
        started_by=started_by,
        mutant=mutant,
        adapter=adapter,
        product=dict(product),
        profile=_note(declared.policy, declared.tables),
        deciding_sets=DECIDING_SETS,
        requirements={
            name: PlannedRequirement(
                **{
                    **{key: getattr(requirements[name], key) for key in PlannedRequirement.model_fields},
                    "level": requirements[name].level_for(declared.feature),
                }
            )
            for name in sorted(cited)
        },
        checks=checks,
        attestations=tuple(answers),
        rounds=tuple(
            PlannedRound(id=name, ja=one.ja, en=one.en, cases=())
            for name, one in catalogue.disturbances.items()
            if name in rounds
        ),
        waivers=granted,
    )


def _selected(catalogue: Catalogue, words: Sequence[str]) -> set[str] | None:
    if not words:
        return None
    kept: set[str] = set()
    for word in words:
        found = {
            one.id for one in catalogue.checks.values() if selects(word, one.id, one.ja, one.en) or word in one.cases
        }
        if not found:
            raise SpecError(f"-k {word}", "", "当てはまる検査がありません / no check matches the selector")
        kept |= found
    return kept


def _planned(
    check: Check,
    requirement: Requirement,
    declared: Declared,
    met: Mapping[str, set[str]],
    kept: set[str] | None,
    waived: Mapping[str, str],
) -> PlannedCheck:
    reason_ja, reason_en = _not_applicable(check, requirement, declared, met)
    left_out = kept is not None and check.id not in kept
    if not reason_ja and left_out:
        reason_ja, reason_en = "選択外", "left out by the selection"
    return PlannedCheck(
        id=check.id,
        ja=check.ja,
        en=check.en,
        requirement=requirement.id,
        also=check.also,
        mandatory=requirement.level_for(declared.feature) == "必須",
        deciding=requirement.set in DECIDING_SETS,
        verdict=requirement.verdict,
        headline="",
        function="",
        round=check.disturbance,
        cases=check.cases,
        procedures=(),
        status="run" if not reason_ja else "deselected" if reason_ja == "選択外" else "na",
        reason_ja=reason_ja,
        reason_en=reason_en,
        waiver=waived.get(check.id, ""),
    )


def _check_waivers(waivers: Sequence[Waiver], catalogue: Catalogue, today: date) -> None:
    for one in waivers:
        if one.check not in catalogue.checks:
            raise SpecError("waiver", one.check, "その検査はありません / no such check")
        if one.expires < today:
            raise SpecError("waiver", one.check, f"免除は {one.expires} に期限が切れています / the waiver has expired")


def _attestations(
    declared: Declared,
    requirements: Mapping[str, Requirement],
    covered: set[str],
    answers: Mapping[str, tuple[str, str, str]],
) -> list[PlannedAttestation]:
    """Binding requirements of the role that no check of this run covers; a municipality's own are not the product's."""
    for name in answers:
        if name not in requirements:
            raise SpecError("attestation", name, "その要件はカタログにありません / unknown requirement")
    found = []
    for one in requirements.values():
        binding = one.level_for(declared.feature) == "必須" and one.set in DECIDING_SETS and declared.role in one.roles
        if binding and one.id not in covered and one.applies(declared.feature) and not one.id.startswith("MUN-"):
            statement, by, when = answers.get(one.id, ("", "", ""))
            found.append(PlannedAttestation(requirement=one.id, statement=statement, by=by, date=when))
    return found


def _note(policy: Policy, tables: Sequence[FirewallName] = ()) -> ProfileNote:
    """The policy in the place of the profile: what is declared and not of the 手順書, and what no lab can show."""
    ports = f"HTTPS {policy.service.port}/tcp、プロキシ {policy.service.proxy_port}/tcp"
    topology = {"T1": "三本脚の境界FW（図表12の三行が境界FWを通る）", "T2": "DMZを二つのFWで挟む"}[policy.topology]
    notes = [
        ("topology", f"{policy.topology}: {topology}", "推定"),
        ("service", f"{ports}（手順書にポートの記載は無い）", "仮定"),
        ("families", f"アドレスの版: {', '.join(policy.families)}。ほかの版はすべて遮断", "仮定"),
        (
            "lab",
            "規則を Linux の nftables で確かめた結果であり、機器そのものの試験ではない / The rules were tried with nftables on Linux: no device was tested.",
            "仮定",
        ),
    ]
    notes += [
        (
            f"table.{name}",
            f"{policy.firewall[name].ja}は規則表で渡された。表に無いこと（状態の保持、機器自身への通信と機器自身の応答）は、"
            "状態を保ち、許可の無いものは遮断する機器として補った。機器の設定では別に確かめる必要がある"
            f" / {policy.firewall[name].en} came as a table of rules. What a table does not say (state, traffic to and from the device "
            "itself) was filled in as a device that keeps state and blocks what is not permitted: look at the device's own settings.",
            "仮定",
        )
        for name in tables
    ]
    notes += [
        (
            f"flow.{one.id}",
            f"{one.ja} {'/'.join(one.protocol)} {one.port}（宣言による許可。手順書に行は無い）"
            f" / {one.en} {'/'.join(one.protocol)} {one.port} (permitted because it is declared; the manual has no row for it)",
            one.provenance,
        )
        for one in policy.all_flows
        if one.implied
    ]
    notes += [
        (f"exclusion.{one.source_zone}-{one.destination_zone}", f"{one.ja} / {one.en}", "仮定")
        for one in policy.exclusion
    ]
    notes += [(name, f"{ja} / {en}", "推定") for name, (ja, en) in NOT_TESTABLE.items()]
    return ProfileNote(id=policy.id, edition=policy.topology, ja=policy.ja, en=policy.en, assumptions=tuple(notes))
