"""What a lab saw as marks: on each flow, on each pair of zones, on whatever passed that must not.

A picture must not look better than the report: what leaks through one firewall alone is a leak, though the other one stops it
in the whole chain. The worst of all rounds counts, and the mark says in which it was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from conformance.firewall.matrix import Cell, Scope, build_matrix
from conformance.firewall.record import PASSED, LabRecord, Seen
from conformance.firewall.tricks import PaperWires, build_tricks
from interface_spec.policy import Policy, Role

Mark = Literal["ok", "leak", "closed", "open", "denied", "none"]
"""ok: permitted and works; leak: passed but must be denied; closed: permitted but does not work; denied: as it must be;
open: outside the scope of the 手順書; none: not probed."""

MARKS: dict[Mark, tuple[str, str]] = {
    "ok": ("○", "許可どおり / as permitted"),
    "denied": ("×", "遮断どおり / as denied"),
    "leak": ("!!", "遮断すべきものが通った / passed, must be denied"),
    "closed": ("?!", "許可すべきものが通らない / must pass, does not"),
    "open": ("–", "範囲外 / out of scope"),
    "none": ("·", "未検証 / not probed"),
}
ORDER: tuple[Mark, ...] = ("leak", "closed", "ok", "denied", "open", "none")
"""Worst first."""
SCOPES: tuple[Scope, ...] = ("chain", "boundary", "lgwan")
OF_INFORMATION = ("FW-P15",)
"""Cases that tell something but forbid nothing: no leak when they arrive."""
MOST_NAMED = 4


@dataclass(frozen=True)
class Judged:
    """The worst mark of a probe, and the firewall that was alone when it was seen ("" in the whole chain)."""

    mark: Mark
    alone: str = ""


@dataclass(frozen=True)
class Line:
    """Verdict of everything between two zones, with the first thing that went wrong."""

    source: str
    destination: str
    mark: Mark
    note: str = ""


@dataclass(frozen=True)
class FlowMark:
    """Verdict on one line of the picture: a permitted flow, a row that 図表12 or 13 denies, or something that leaked."""

    source: str
    destination: str
    what: str
    mark: Mark


DENIED_ROWS: tuple[tuple[Role, Role, str], ...] = (
    ("am", "download", "直接 / direct（図表12）"),
    ("relay", "other-lgwan", "ほか / other（図表13）"),
)


def _mark(cell: Cell, scope: Scope, seen: Seen) -> Mark:
    match cell.expected(scope):
        case "excluded" | None:
            return "open"
        case "allow":
            return "ok" if seen.cls == "delivered" else "closed"
    return "leak" if seen.cls in PASSED else "denied"


def _judged(record: LabRecord, cell: Cell) -> Judged:
    found = [
        Judged(_mark(cell, scope, seen), "" if scope == "chain" else scope)
        for scope in SCOPES
        if (seen := record.round(scope).cells.get(cell.number)) is not None
    ]
    return min(found, key=lambda one: ORDER.index(one.mark), default=Judged("none"))


def _alone(policy: Policy, firewall: str) -> str:
    """Words behind what only one firewall was seen to do."""
    names = {name: wall for name, wall in policy.firewall.items() if name == firewall}
    return "".join(f"（{wall.ja}だけ / {wall.en} alone）" for wall in names.values())


def _leaked_tricks(policy: Policy, record: LabRecord) -> Iterator[tuple[str, str, str, str]]:
    """(source, destination, case, firewall that was alone) of every crafted packet that passed; in the whole chain if there too."""
    arrived = {
        name: "" if scope == "chain" else scope
        for scope in reversed(SCOPES)
        for name, seen in record.round(scope).tricks.items()
        if seen.cls == "delivered"
    }
    for trick in build_tricks(PaperWires(policy)) if arrived else ():
        if trick.id in arrived and trick.expected == "deny" and trick.case not in OF_INFORMATION:
            yield trick.source, trick.destination, trick.case, arrived[trick.id]


def zone_lines(policy: Policy, record: LabRecord) -> list[Line]:
    """One line per ordered pair of zones that hold hosts, worst mark first in importance."""
    worst: dict[tuple[str, str], Line] = {}

    def note(source: str, destination: str, mark: Mark, words: str) -> None:
        pair = (policy.host[source].zone, policy.host[destination].zone)
        before = worst.get(pair)
        if before is None or ORDER.index(mark) < ORDER.index(before.mark):
            worst[pair] = Line(*pair, mark, words if mark in ("leak", "closed") else "")

    for cell in build_matrix(policy):
        if not cell.destination.startswith("firewall:"):
            one = _judged(record, cell)
            note(cell.source, cell.destination, one.mark, f"{cell.label()}{_alone(policy, one.alone)}")
    for source, destination, case, alone in _leaked_tricks(policy, record):
        if destination in policy.host and policy.host[source].zone != policy.host[destination].zone:
            note(source, destination, "leak", f"{source} → {destination} {case}{_alone(policy, alone)}")
    return list(worst.values())


def flow_marks(policy: Policy, record: LabRecord | None) -> list[FlowMark]:
    """Every permitted flow, then the denied rows of the 手順書, then one line for each pair of zones between which something leaked."""
    held = record or LabRecord(policy=policy.id)
    pairs: dict[tuple[str, str], list[tuple[Cell, Judged]]] = {}
    for cell in build_matrix(policy):
        end = ":".join(cell.destination.split(":")[:2])
        pairs.setdefault((cell.source, end), []).append((cell, _judged(held, cell)))
    found = []
    for flow in policy.all_flows:
        mine = [one for c, one in pairs[(flow.source, flow.destination)] if c.port == flow.port and c.permitted]
        known = [one for one in mine if one.mark != "none"]
        shown = min(known, key=lambda one: ORDER.index(one.mark), default=Judged("none"))
        where = _alone(policy, shown.alone) if shown.mark == "closed" else ""
        what = f"{flow.id} {'/'.join(flow.protocol)} {flow.port}{where}"
        found.append(FlowMark(flow.source, flow.destination, what, shown.mark))
    leaks: dict[tuple[str, str, str], list[str]] = {}
    for pair, cells in pairs.items():
        for cell, one in cells:
            if one.mark == "leak":
                leaks.setdefault((*pair, one.alone), []).append(f"{cell.protocol} {cell.port or ''}".strip())
    for source, destination, case, alone in _leaked_tricks(policy, held):
        leaks.setdefault((source, destination, alone), []).append(case)
    for source_role, destination_role, what in DENIED_ROWS:
        for pair in ((a, b) for a in policy.hosts_of(source_role) for b in policy.hosts_of(destination_role)):
            marks = {one.mark for _, one in pairs[pair]} & {"denied", "leak"}
            if not any((*pair, alone) in leaks for alone in ("", *policy.firewall)):
                found.append(FlowMark(*pair, what, "denied" if marks else "none"))
    return [*found, *_leaks_by_zone(policy, leaks)]


def _leaks_by_zone(policy: Policy, leaks: dict[tuple[str, str, str], list[str]]) -> Iterator[FlowMark]:
    """One line for each pair of zones (or zone and firewall): between the hosts of a row of the 手順書 if that one leaked."""
    rows = {(a, b) for one, other, _ in DENIED_ROWS for a in policy.hosts_of(one) for b in policy.hosts_of(other)}
    groups: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for key in leaks:
        source, destination, _ = key
        if source in policy.host and (destination in policy.host or destination.startswith("firewall:")):
            there = policy.host[destination].zone if destination in policy.host else destination
            groups.setdefault((policy.host[source].zone, there), []).append(key)
    for keys in groups.values():
        first = min(keys, key=lambda key: (key[:2] not in rows, key[2] != ""))
        names = list(dict.fromkeys(name for key in keys for name in leaks[key]))
        what = ", ".join(names[:MOST_NAMED]) + (" …" if len(names) > MOST_NAMED else "")
        pairs = len({key[:2] for key in keys}) - 1
        more = f"、ほか {pairs} 組 / and {pairs} more" if pairs else ""
        alone = {key[2] for key in keys}
        yield FlowMark(*first[:2], what + more + (_alone(policy, min(alone)) if "" not in alone else ""), "leak")
