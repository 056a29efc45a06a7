"""Runs network mutants through the lab and compares what caught them with what must: the network's kill matrix.

One lab plays many mutants: the network and the control run are shared, only rules and proxy change.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from conformance.firewall.job import Job, ProxyJob, RoundName, SlowPart, Variant
from conformance.firewall.judge import judge
from conformance.firewall.plan_lab import Declared, make_lab_plan
from conformance.firewall.record import LabRecord
from conformance.firewall.rules import Rules, make_rules
from conformance.firewall.start import ModuleCommand, lab_folder, run_lab
from conformance.plan import Plan, PlannedCheck
from conformance.verdicts import Raw
from interface_spec.policy import POLICIES, FirewallName, Policy, parse_policy
from mock_services.tls import CA_FILE, CA_KEY_FILE, kept_authority
from reference_impl.firewall.nftables import ruleset
from reference_impl.firewall.relay_toml import relay_toml
from reference_impl.firewall.squid import squid_conf
from testbed.mutants.firewall.model import NetworkMutant, Part
from testbed.mutants.relay.command import relay_command

BASE = "baseline"
BATCH = 40
RESTART_SECONDS = 3.0
"""What a mutated relay has for its start: one that does not come back is not waited for as long as a product."""
SECONDS_EACH = 15.0
SLOW_CHECKS: dict[str, SlowPart] = {
    "RLY-1.3-02c": "answers",
    "RLY-3.1-01b": "crowd",
    "RLY-3.1-01c": "restart",
    "RLY-S62-81a": "closed",
    "RLY-S62-81b": "closed",
}
"""Checks of cases that are played for mutants with that slow part only."""

IDLE_CHECK = "RLY-3.1-81a"
"""Played only for mutants that leave a tunnel idle."""


Outcome = Literal["killed", "needle", "equivalent", "unverified", "otherwise"]
COUNTED: dict[Outcome, str] = {
    "killed": "捕まえた / killed",
    "needle": "証明だけが見つける / needles",
    "equivalent": "同等 / equivalent",
    "unverified": "未検証 / unverified",
    "otherwise": "宣言と不一致 / not as declared",
}


@dataclass(frozen=True)
class NetworkKill:
    """What became of one mutant. ``beside``: checks left 未検証 because the mutant breaks their positive control.

    ``unavailable``: why this machine could not play it at all.
    """

    mutant: NetworkMutant
    caught_by: tuple[str, ...]
    beside: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    seconds: float = 0
    trouble: str = ""
    unavailable: str = ""

    @property
    def as_declared(self) -> bool:
        """Caught by exactly the declared checks; a needle or an equivalent mutant by none."""
        return self.outcome in ("killed", "needle", "equivalent")

    @property
    def outcome(self) -> Outcome:
        """As what it counts: its kind when it came out as declared, 未検証 when it could not be played here, or neither."""
        if self.unavailable:
            return "unverified"
        if self.trouble or self.errors or set(self.caught_by) != set(self.mutant.kills):
            return "otherwise"
        return self.mutant.kind


@dataclass(frozen=True)
class Base:
    """The reference that mutants are made from."""

    policy: Policy
    text: str

    @staticmethod
    def load(name: str = BASE) -> Base:
        text = (POLICIES / f"{name}.toml").read_text(encoding="utf-8")
        return Base(parse_policy(text, name), text)

    def reference(self, part: Part) -> str:
        match part:
            case "boundary" | "lgwan":
                return ruleset(self.policy, part)
            case "squid":
                return squid_conf(self.policy)
            case "policy":
                return self.text
        return ""

    def empty_squid(self) -> str:
        """The Squid configuration whose list of names is empty."""
        return squid_conf(self.policy, listed=False)

    def mutated(self, mutant: NetworkMutant, part: Part) -> str:
        """The text of ``part`` with the mutant's edits. LookupError when an edit's place is gone."""
        text = self.reference(part)
        for edit in mutant.edit:
            if edit.on == part:
                text = edit.apply(text)
        return text


def variant_of(base: Base, mutant: NetworkMutant, module_command: ModuleCommand) -> Variant:
    """The lab's variant for one mutant; LookupError when the reference has moved on."""
    rounds: tuple[RoundName, ...] = tuple(dict.fromkeys(("control", *mutant.played)))
    if mutant.role == "relay":
        return Variant(
            name=mutant.id, proxy=proxy_of(base, mutant, module_command), rounds=rounds[1:], slow=mutant.slow
        )
    chain = mutant.relay and bool({"chain", "proxy-down"} & set(rounds))
    wanted = {"boundary", "lgwan"} if {"chain", "reload", "boot"} & set(rounds) else {mutant.part}
    return Variant(
        name=mutant.id,
        boundary=_rules(base, mutant, "boundary") if "boundary" in wanted else None,
        lgwan=_rules(base, mutant, "lgwan") if "lgwan" in wanted else None,
        proxy=ProxyJob(conf=base.reference("squid"), log="log/access.log") if chain else None,
        rounds=rounds,
        slow=mutant.slow,
        boot=mutant.boot,
        forwarding_before_load=mutant.forwarding_before_load,
    )


def _rules(base: Base, mutant: NetworkMutant, firewall: FirewallName) -> Rules:
    parts = rules_text(base, mutant, firewall)
    return make_rules(firewall, [(name, one.encode()) for name, one in parts], base.policy)


def rules_text(base: Base, mutant: NetworkMutant, firewall: FirewallName) -> list[tuple[str, str]]:
    """(file name, text) of what one firewall loads, in order."""
    text = base.mutated(mutant, firewall)
    parts = [(f"{firewall}.nft", text)]
    if mutant.split == firewall:
        flush, rest = "flush ruleset\n", text.replace("flush ruleset\n", "")
        parts = [(f"{firewall}-flush.nft", flush), (f"{firewall}.nft", rest)]
    if mutant.part == firewall:
        parts += [(f"{firewall}-update-{number}.nft", f"{one}\n") for number, one in enumerate(mutant.updates, 1)]
    return parts


def proxy_of(base: Base, mutant: NetworkMutant, module_command: ModuleCommand) -> ProxyJob:
    """The relay with the mutant in it."""
    if mutant.part == "squid":
        empty = {"squid.conf": base.empty_squid()}
        files = {"bump.pem": _own_certificate()} if mutant.certificate else {}
        return ProxyJob(conf=base.mutated(mutant, "squid"), files=files, log="log/access.log", empty_list=empty)
    ends = ("{dir}/access.log", "{dir}/ready.json")
    empty = {"relay.toml": relay_toml(base.policy, *ends, listed=False)}
    return ProxyJob(
        kind="command",
        command=tuple(relay_command(mutant.code, mutant.kind_of_relay, base.policy, module_command)),
        files={"relay.toml": relay_toml(base.policy, *ends)},
        empty_list=empty,
        idle_seconds=mutant.idle_seconds,
        restart_seconds=RESTART_SECONDS,
        log="access.log",
        relay_kind=mutant.kind_of_relay,
        observe_seconds=1.0,
    )


def _own_certificate() -> str:
    """Key and certificate of an authority that nobody trusts, made anew."""
    with tempfile.TemporaryDirectory() as folder:
        kept_authority(Path(folder), datetime.now(UTC))
        return "".join((Path(folder) / name).read_text(encoding="ascii") for name in (CA_KEY_FILE, CA_FILE))


def run_mutants(
    mutants: Sequence[NetworkMutant],
    module_command: ModuleCommand,
    *,
    progress: Callable[[NetworkKill], None] = lambda _kill: None,
) -> list[NetworkKill]:
    """What became of each, in order. ToolMissing, LabUnavailable, LabFailed as of `run_lab`."""
    kills: list[NetworkKill] = []
    for name in dict.fromkeys(one.base for one in mutants):
        base = Base.load(name)
        mine = [one for one in mutants if one.base == name]
        kills += [_policy_kill(base, one) for one in mine if one.part == "policy"]
        rest = [one for one in mine if one.part != "policy"]
        for start in range(0, len(rest), BATCH):
            kills += _batch(base, rest[start : start + BATCH], module_command)
    by_id = {one.mutant.id: one for one in kills}
    ordered = [by_id[one.id] for one in mutants]
    for kill in ordered:
        progress(kill)
    return ordered


def _batch(base: Base, mutants: Sequence[NetworkMutant], module_command: ModuleCommand) -> list[NetworkKill]:
    with lab_folder() as started:
        job = Job(
            policy=base.text,
            policy_name=base.policy.id,
            work=str(started.folder),
            prefix=started.prefix,
            variants=tuple(variant_of(base, one, module_command) for one in mutants),
            trace=False,
        )
        tools = ("squid",) if any(one.proxy is not None and one.proxy.kind == "squid" for one in job.variants) else ()
        records = run_lab(job, module_command, limit_seconds=30 + SECONDS_EACH * len(mutants), extra_tools=tools)
    return [_kill(base, one, records[one.id]) for one in mutants]


def _kill(base: Base, mutant: NetworkMutant, record: LabRecord) -> NetworkKill:
    if record.refused:
        return NetworkKill(mutant, (), trouble=record.refused, seconds=record.seconds)
    return _judged(base.policy, mutant, record)


def _policy_kill(base: Base, mutant: NetworkMutant) -> NetworkKill:
    """A mutated policy is judged by the checks that read the policy itself: no packet is needed."""
    started = time.monotonic()
    policy = parse_policy(base.mutated(mutant, "policy"), mutant.id)
    record = LabRecord(policy=policy.id, rounds={})
    kill = _judged(policy, mutant, record)
    return NetworkKill(kill.mutant, kill.caught_by, kill.beside, kill.errors, time.monotonic() - started)


def plan_for(policy: Policy, mutant: NetworkMutant) -> Plan:
    declared = Declared(policy, mutant.role, mutant.kind_of_relay)
    return make_lab_plan(
        run_id=mutant.id,
        declared=declared,
        product=policy.product.model_dump(),
        reference_date=date(2026, 4, 1),
        mutant=mutant.id,
    )


def _judged(policy: Policy, mutant: NetworkMutant, record: LabRecord) -> NetworkKill:
    plan = plan_for(policy, mutant)
    checks = judged_checks(plan, mutant)
    found: dict[Raw, list[str]] = {}
    for event in judge(plan.model_copy(update={"checks": checks}), policy, record, lambda: datetime.now(UTC)):
        found.setdefault(event.raw, []).append(event.check)
    return NetworkKill(
        mutant,
        tuple(found.get(Raw.NONCONFORMITY, [])),
        tuple(found.get(Raw.UNVERIFIED, [])),
        tuple(found.get(Raw.ERROR, [])),
        record.seconds,
        unavailable=record.unavailable,
    )


def judged_checks(plan: Plan, mutant: NetworkMutant) -> tuple[PlannedCheck, ...]:
    """The checks of the rounds that the mutant is about."""
    rounds = {*mutant.played}
    return tuple(
        one
        for one in plan.checks
        if one.round in rounds
        and SLOW_CHECKS.get(one.id, "") in ("", *mutant.slow)
        and (mutant.idle_seconds or one.id != IDLE_CHECK)
        and one.status == "run"
    )


def unkilled_checks(role: str, mutants: Iterable[NetworkMutant]) -> list[str]:
    """Checks of the role's suite that no declared mutant kills."""
    from conformance.catalogue import load_catalogue

    killed = {name for one in mutants for name in one.kills}
    return [name for name in load_catalogue(role).checks if name not in killed]


def table(kills: Sequence[NetworkKill]) -> str:
    """The kill matrix as Markdown, Japanese first."""
    lines = [
        "| 変異体 / mutant | 誤り / mistake | 種別 / kind | 捕まえた検査 / caught by | 秒 / s |",
        "|---|---|---|---|---|",
    ]
    words = {"killed": "捕まる", "needle": "証明だけ（needle）", "equivalent": "同等（equivalent）"}
    for one in kills:
        caught = " ".join(one.caught_by) or ("未検証" if one.unavailable else "–")
        mark = " **宣言と不一致**" if one.outcome == "otherwise" else ""
        lines.append(
            f"| {one.mutant.id} | {one.mutant.ja} / {one.mutant.en} | {words[one.mutant.kind]} | {caught}{mark} | {one.seconds:.1f} |"
        )
    return "\n".join([*lines, "", *summary(kills)]) + "\n"


def summary(kills: Sequence[NetworkKill]) -> list[str]:
    """How many came out as what, and in one sentence each why some could not be played or came out otherwise."""
    count = Counter(one.outcome for one in kills)
    lines = ["; ".join(f"{words} {count[name]}" for name, words in COUNTED.items() if count[name])]
    lines += [f"- {one.mutant.id} 未検証: {one.unavailable}" for one in kills if one.unavailable]
    lines += [f"- {one.mutant.id}: {_what_happened(one)}" for one in kills if one.outcome == "otherwise"]
    return lines


def _what_happened(kill: NetworkKill) -> str:
    if kill.trouble:
        return kill.trouble
    missed = " ".join(one for one in kill.mutant.kills if one not in kill.caught_by) or "–"
    more = " ".join((*(one for one in kill.caught_by if one not in kill.mutant.kills), *kill.errors)) or "–"
    return f"捕まえなかった検査 / did not catch it: {missed}; 宣言に無い検査 / not declared: {more}"


def write_table(path: Path, kills: Sequence[NetworkKill]) -> None:
    path.write_text(table(kills), encoding="utf-8")
