"""What a run keeps as evidence beside its verdicts: packets of probes, and how often each rule counted (docs/firewall.md).

Bounded: everything that went wrong up to a limit, and of the rest one probe a case, family and protocol.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from conformance.firewall.capture import Capture, Frame
from conformance.firewall.matrix import Cell, Scope
from conformance.firewall.netns import Namespaces
from conformance.firewall.record import PASSED, RuleCount, Seen
from conformance.firewall.rules import nft
from conformance.firewall.tricks import Trick

MOST_WRONG = 150
MOST_COUNTED = 200
_TABLE = re.compile(r"^table (\S+ \S+) \{")
_CHAIN = re.compile(r"^\s+chain (\S+) \{")
_COUNTER = re.compile(r"^\s+(.*\bcounter) packets (\d+) bytes (\d+)(.*?) # handle (\d+)$")


@dataclass
class Keeper:
    """Keeps evidence of one lab. ``frames_of``: packets of a probe by its number, or of a trick by its id."""

    ns: Namespaces
    capture: Capture = field(default_factory=Capture)

    def cells(
        self, where: Scope | str, cells: Iterable[Cell], seen: dict[int, Seen], frames: Mapping[int, Sequence[Frame]]
    ) -> None:
        """Enters into ``seen`` which packets of the capture belong to each probe that is kept."""
        sampled: set[tuple[str, str, str]] = set()
        wrong = 0
        for cell in cells:
            one = seen[cell.number]
            expected = "allow" if where == "control" else cell.expected(where)  # type: ignore[arg-type]
            bad, kind = went_wrong(expected, one), (cell.case, cell.family, cell.protocol)
            if (bad and wrong < MOST_WRONG) or kind not in sampled:
                wrong += bad
                sampled.add(kind)
                kept = self.capture.keep(f"{where} {cell.case} {cell.label()}: {one.cls}", frames.get(cell.number, ()))
                seen[cell.number] = one.model_copy(update={"packets": kept})

    def tricks(
        self, where: str, tricks: Iterable[Trick], seen: dict[str, Seen], frames: Mapping[str, Sequence[Frame]]
    ) -> None:
        """The same for tricks."""
        sampled: set[tuple[str, str]] = set()
        for trick in tricks:
            one, kind = seen[trick.id], (trick.case, trick.family)
            bad = where != "control" and (one.cls == "delivered") == (trick.expected == "deny")
            if bad or kind not in sampled:
                sampled.add(kind)
                kept = self.capture.keep(f"{where} {trick.id}: {one.cls}", frames.get(trick.id, ()))
                seen[trick.id] = one.model_copy(update={"packets": kept})

    def counters(self, firewalls: Iterable[str]) -> dict[tuple[str, str, int], RuleCount]:
        """What every counting rule of these firewalls has counted so far."""
        found = {}
        for firewall in firewalls:
            for one in _counts(firewall, nft(["-a", "list", "ruleset"], "", self.ns.command(firewall))):
                found[(one.firewall, one.chain, one.handle)] = one
        return found

    def counted_since(self, before: Mapping[tuple[str, str, int], RuleCount]) -> tuple[RuleCount, ...]:
        """The difference to ``before``, the busiest rules when there are more than `MOST_COUNTED`."""
        now = self.counters(dict.fromkeys(one.firewall for one in before.values()))
        grown = [
            one.model_copy(update={"packets": one.packets - old.packets, "bytes": one.bytes - old.bytes})
            for key, one in now.items()
            if (old := before.get(key)) is not None
        ]
        kept = set(sorted(grown, key=lambda one: -one.packets)[:MOST_COUNTED])
        return tuple(one for one in grown if one in kept)


def went_wrong(expected: str | None, seen: Seen) -> bool:
    """Whether a probe's class is not what the policy intends."""
    return (expected == "deny" and seen.cls in PASSED) or (expected == "allow" and seen.cls != "delivered")


def _counts(firewall: str, listing: str) -> Iterable[RuleCount]:
    table = chain = ""
    for line in listing.splitlines():
        if found := _TABLE.match(line):
            table = found[1]
        elif found := _CHAIN.match(line):
            chain = found[1]
        elif found := _COUNTER.match(line):
            yield RuleCount(
                firewall=firewall,
                chain=f"{table} {chain}",
                handle=int(found[5]),
                rule=found[1] + found[4],
                packets=int(found[2]),
                bytes=int(found[3]),
            )
