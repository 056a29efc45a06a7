"""Rulesets as others write them, in the real lab: what is right comes out right, what is wrong by the right requirement.

The files stand in ``rulesets/``; the wrong ones are right ones with one change.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from conformance.firewall.job import Job, ProxyJob, RoundName, Variant
from conformance.firewall.judge import judge
from conformance.firewall.record import LabRecord
from conformance.firewall.rules import Rules, make_rules, read_rules
from conformance.firewall.start import lab_folder, run_lab
from conformance.verdicts import Raw
from interface_spec.policy import FirewallName
from shinsei_testbed import module_command
from testbed.mutants.firewall.model import load_mutants
from testbed.mutants.firewall.run import Base, plan_for

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).parent / "rulesets"
BASE = Base.load()
RIGHT: dict[str, tuple[str, ...]] = {
    "iptables-ipset": ("rules.v4", "rules.v6", "ipset.conf"),
    "zones-sets-maps": ("zones.nft",),
    "json-listing": ("list.json",),
    "include-define": ("include.nft",),
    "odd-columns": ("odd-columns.csv",),
}
WRONG: dict[str, tuple[str, str, str, frozenset[str]]] = {
    "default-forgotten": ("zones.nft", "    log group 5\n    drop\n", "    log group 5\n", frozenset({"FW-1.1-04c", "FW-1.1-07a"})),
    "one-way-out-of-a-chain": (
        "zones.nft", "jump in_dmz\n    drop", "jump in_dmz\n    accept", frozenset({"FW-1.1-04g", "FW-1.1-04h", "FW-1.1-04k"}),
    ),
    "any-transport": ("zones.nft", "@dl4 tcp dport 443", "@dl4 th dport 443", frozenset({"FW-1.1-04y"})),
    "voice-mark": ("zones.nft", "    ct state != new drop\n", "    ip dscp ef accept\n    ct state != new drop\n", frozenset({"FW-1.1-04o"})),
    "set-too-wide": ("include.nft", "ip saddr 192.0.2.10 ip daddr $DLSET", "ip saddr 192.0.2.0/24 ip daddr $DLSET", frozenset({"FW-1.1-04i"})),
    "returns-by-port": ("odd-columns.csv", "既定,拒否", "戻り,許可,,any,any,any,198.51.100.53,dmz0,up0,,5\n既定,拒否", frozenset({"FW-1.1-04b", "FW-1.1-04n"})),
    "stateless-tcp": ("stateless.nft", "", "", frozenset({"FW-1.1-04t"})),
    "stateless-dns": ("stateless-dns.nft", "", "", frozenset({"FW-1.1-04n"})),
    "only-ipv4": ("rules.v4", "", "", frozenset({"FW-1.1-04a", "FW-1.1-04b", "FW-1.1-07b"})),
}  # fmt: skip


def judged(record: LabRecord, rounds: set[str]) -> dict[str, Raw]:
    plan = plan_for(BASE.policy, load_mutants()["B01"])
    checks = tuple(one for one in plan.checks if one.round in rounds and one.status == "run")
    events = judge(plan.model_copy(update={"checks": checks}), BASE.policy, record, lambda: datetime.now(UTC))
    return {one.check: one.raw for one in events}


def played(variants: list[Variant]) -> dict[str, LabRecord]:
    with lab_folder() as place:
        job = Job(
            policy=BASE.text, policy_name="p", work=str(place.folder), prefix=place.prefix, variants=tuple(variants),
            trace=False,
        )  # fmt: skip
        return run_lab(job, module_command, limit_seconds=200)


def changed(name: str, find: str, replace: str) -> Rules:
    text = read_rules("boundary", [FOLDER / name], BASE.policy).transactions[0] if name.endswith(".nft") else ""
    raw = text or (FOLDER / name).read_bytes().decode("cp932" if name.endswith(".csv") else "utf-8")
    assert find in raw
    files = [(name, raw.replace(find, replace, 1).encode())]
    if name == "rules.v4":
        files.append(("ipset.conf", (FOLDER / "ipset.conf").read_bytes()))
    return make_rules("boundary", files, BASE.policy)


@pytest.fixture(scope="module")
def records() -> dict[str, LabRecord]:
    rounds: tuple[RoundName, ...] = ("control", "boundary", "reload")
    right = [
        Variant(name=name, boundary=read_rules("boundary", [FOLDER / one for one in files], BASE.policy), rounds=rounds)
        for name, files in RIGHT.items()
    ]
    wrong = [
        Variant(name=name, boundary=changed(file, find, replace), rounds=rounds[:2])
        for name, (file, find, replace, _) in WRONG.items()
    ]
    return played([*right, *wrong])


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_ruleset_of_another_make_conforms(records: dict[str, LabRecord], name: str) -> None:
    found = judged(records[name], {"boundary"})
    assert records[name].refused == ""
    assert len(found) > 25
    assert {check: raw for check, raw in found.items() if raw is not Raw.PASS} == {}
    reload = records[name].round("reload").facts
    assert reload == {"leak boundary": "", "flow boundary": ""}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_ruleset_fails_by_the_right_requirement(records: dict[str, LabRecord], name: str) -> None:
    found = judged(records[name], {"boundary"})
    failed = {check for check, raw in found.items() if raw is Raw.NONCONFORMITY}
    assert WRONG[name][3] <= failed, failed
    assert {check for check, raw in found.items() if raw in (Raw.ERROR, Raw.UNVERIFIED)} == set()


def test_translated_addresses_conform_alone_and_in_the_chain() -> None:
    """境界FW translates the relay's address, LGWAN-FW permits the translated one."""
    names: dict[FirewallName, str] = {"boundary": "nat-boundary.nft", "lgwan": "nat-lgwan.nft"}
    rules = {wall: read_rules(wall, [FOLDER / name], BASE.policy) for wall, name in names.items()}
    proxy = ProxyJob(conf=BASE.reference("squid"), log="log/access.log")
    rounds: tuple[RoundName, ...] = ("control", "boundary", "lgwan", "chain")
    variant = Variant(name="nat", boundary=rules["boundary"], lgwan=rules["lgwan"], proxy=proxy, rounds=rounds, slow=())
    found = judged(played([variant])["nat"], set(rounds))
    assert len(found) > 50
    assert {check: raw for check, raw in found.items() if raw is not Raw.PASS} == {}
