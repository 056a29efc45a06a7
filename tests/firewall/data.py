"""Policies, rules and records that several tests of the network lab start from."""

from __future__ import annotations

from pathlib import Path

from conformance.firewall.matrix import build_matrix
from conformance.firewall.record import LabRecord, Round, Seen
from conformance.firewall.tricks import PaperWires, build_tricks
from interface_spec.policy import POLICIES, Policy, load_policy

BASELINE = (POLICIES / "baseline.toml").read_text(encoding="utf-8")


def baseline() -> Policy:
    return load_policy(Path("baseline"))


def perfect_round(policy: Policy, scope: str, *, control: bool = False) -> Round:
    """What a faultless product shows in ``scope``; with ``control`` everything is delivered."""
    cells = {}
    for cell in build_matrix(policy):
        expected = cell.expected(scope)  # type: ignore[arg-type]
        if control:
            cells[cell.number] = Seen(cls="delivered", arrived=(cell.destination,))
        elif expected is not None:
            cells[cell.number] = Seen(cls="delivered" if expected != "deny" else "dropped", legs=("leg",))
    tricks = {
        trick.id: Seen(cls="delivered" if control or trick.expected == "allow" else "dropped", legs=("leg",))
        for trick in build_tricks(PaperWires(policy))
        if control or trick.meets(scope)
    }
    facts = {f"neighbours {scope}": "", f"idle {scope} flow": "432000", f"adverts {scope}": ""}
    if control:
        facts = {"adverts boundary": "dmz0", "adverts lgwan": "conn0"}
    return Round(id="control" if control else scope, cells=cells, tricks=tricks, facts=facts)


def perfect_record(policy: Policy) -> LabRecord:
    """The record of a faultless product in the rounds that send probes."""
    rounds = {scope: perfect_round(policy, scope) for scope in ("boundary", "lgwan", "chain")}
    return LabRecord(policy=policy.id, rounds={**rounds, "control": perfect_round(policy, "chain", control=True)})
