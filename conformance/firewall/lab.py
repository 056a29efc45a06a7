"""The lab: builds the network of a policy, plays the rounds of each variant, gives the record of each.

Runs inside the process that `conformance.firewall.lab_process` is, in namespaces of its own.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial

from conformance.firewall import rules as rule_files
from conformance.firewall.adverts import followed
from conformance.firewall.build import Network
from conformance.firewall.conntrack import flush, remaining
from conformance.firewall.job import Job, Variant
from conformance.firewall.keep import Keeper, went_wrong
from conformance.firewall.matrix import Cell, Scope, build_matrix, own_ports, ports_of
from conformance.firewall.names import check_names
from conformance.firewall.neighbours import not_found
from conformance.firewall.netns import tool
from conformance.firewall.play_tricks import Trickster
from conformance.firewall.probe import Prober, awaited
from conformance.firewall.proxy_run import ProxyProblem, ProxyUnsupported
from conformance.firewall.pump import Pump
from conformance.firewall.record import PASSED, LabRecord, Round, Seen
from conformance.firewall.relay_rounds import RelayRounds
from conformance.firewall.rules import FeatureMissing, Rules, RulesError
from conformance.firewall.trace import Tracer, deciding
from conformance.firewall.translation import translation
from conformance.firewall.tricks import Trick, build_tricks
from interface_spec.policy import FirewallName, parse_policy

MOST_TRACED = 16
MOST_TRACED_TRICKS = 10
OPEN = "flush ruleset\n"
ACKNOWLEDGED_SECONDS = 0.06
"""Longer than a delayed acknowledgement: the table keeps an unacknowledged connection for a shorter time."""


class Refused(Exception):
    """What was handed in cannot be used (exit 2)."""


class Unsupported(Exception):
    """This machine's kernel cannot play what was handed in: 未検証 with the reason."""


class Lab:
    """One network for all variants; the control run is played once."""

    def __init__(self, job: Job, step: Callable[[str, str, float], None]) -> None:
        self.job, self._step = job, step
        self.policy = parse_policy(job.policy, job.policy_name)
        self.network = Network(self.policy, job.prefix)
        self.pump = Pump(self.network)
        self._listen()
        self.prober, self.trickster = Prober(self.pump), Trickster(self.pump)
        self.cells = build_matrix(self.policy)
        self.tricks = build_tricks(self.network)
        self._control: Round | None = None
        self._translations: dict[str, str] = {}
        self.keeper = Keeper(self.network.ns)
        if job.trace:
            self.pump.capturing = True
            for name in self.network.firewalls:
                self.pump.watch_connections(name)
        self.relay = RelayRounds(job, self.network, self.pump, self.prober, self.cells, self._set)

    def _listen(self) -> None:
        (tcp, udp), (own_tcp, own_udp) = ports_of(self.policy), own_ports(self.policy)
        for host in self.policy.host:
            for port in tcp:
                self.pump.listen(host, "tcp", port)
            for port in udp:
                self.pump.listen(host, "udp", port)
        for name, wall in self.policy.firewall.items():
            own = [address for leg in wall.leg.values() for address in (str(leg.v4), str(leg.v6))]
            for port in own_tcp:
                self.pump.listen(name, "tcp", port, own)
            for port in own_udp:
                self.pump.listen(name, "udp", port, own)

    # ── rules ──

    def _nft(self, firewall: str, text: str) -> None:
        rule_files.nft(["-f", "-"], text, self.network.ns.command(firewall))

    def _open(self, firewall: FirewallName) -> None:
        """Lets everything pass; addresses are translated as the variant's rules of this firewall do."""
        self._nft(firewall, OPEN)
        if self._translations.get(firewall):
            rule_files.nft(["-j", "-f", "-"], self._translations[firewall], self.network.ns.command(firewall))
        self._cleared(firewall)

    def _cleared(self, firewall: FirewallName) -> None:
        self.network.forward(firewall, True)
        flush(self.network.ns, firewall)

    def _load(self, firewall: FirewallName, rules: Rules) -> None:
        if not rules.transactions[0].lstrip().startswith(OPEN.rstrip()):
            self._nft(firewall, OPEN)
        self._cleared(firewall)
        rule_files.load(rules, self.network.ns.command(firewall))

    def _set(self, boundary: Rules | None, lgwan: Rules | None) -> None:
        chosen: dict[FirewallName, Rules | None] = {"boundary": boundary, "lgwan": lgwan}
        for firewall, rules in chosen.items():
            if rules is None:
                self._open(firewall)
            else:
                self._load(firewall, rules)

    def check(self, variant: Variant) -> None:
        """Refuses rules that do not load or name what the policy does not know. Refused or Unsupported carries the sentence."""
        self._translations.clear()
        for rules in (variant.boundary, variant.lgwan):
            if rules is None:
                continue
            try:
                self._load(rules.firewall, rules)
                listed = rule_files.nft(["-j", "list", "ruleset"], "", self.network.ns.command(rules.firewall))
                check_names(rules, listed, self.policy)
                self._translations[rules.firewall] = translation(listed)
            except FeatureMissing as error:
                raise Unsupported(str(error)) from None
            except RulesError as error:
                raise Refused(str(error)) from None

    # ── rounds ──

    def control(self) -> Round:
        """Everything open: the same probes, all of which must be delivered. Played once a lab."""
        if self._control is None:
            started = time.monotonic()
            self._set(None, None)
            seen, odd = self.prober.control(self.cells), self.trickster.control(self.tricks)
            self._keep("control", self.cells, seen, self.tricks, odd)
            facts = {f"adverts {name}": self._adverts(name) for name in self.network.firewalls}
            self._control = Round(
                id="control",
                cells=seen,
                tricks=odd,
                facts=facts,
                seconds=time.monotonic() - started,
            )
        return self._control

    def filtered(self, scope: Scope, variant: Variant) -> Round:
        """The matrix and the tricks with the rules of ``scope`` loaded."""
        started = time.monotonic()
        self._set(
            variant.boundary if scope in ("boundary", "chain") else None,
            variant.lgwan if scope in ("lgwan", "chain") else None,
        )
        cells = [cell for cell in self.cells if cell.expected(scope) is not None]
        tricks = [trick for trick in self.tricks if trick.meets(scope)]
        before = self.keeper.counters(self._filtering(scope)) if self.job.trace else {}
        seen = self.prober.play(cells, awaited(cells, scope))
        odd = self.trickster.play(tricks)
        counted = self.keeper.counted_since(before)
        if self.job.trace:
            self._keep(scope, cells, seen, tricks, odd)
            self._trace(scope, cells, seen, odd)
        facts = self._idle(cells, seen, scope)
        for firewall in self._filtering(scope):
            facts[f"neighbours {firewall}"] = "; ".join(not_found(self.network, self.pump, firewall))
            if scope != "chain":
                facts[f"adverts {firewall}"] = self._adverts(firewall)
        seconds = time.monotonic() - started
        return Round(id=scope, cells=seen, tricks=odd, facts=facts, counters=counted, seconds=seconds)

    def _keep(
        self,
        where: str,
        cells: Sequence[Cell],
        seen: dict[int, Seen],
        tricks: Sequence[Trick],
        odd: dict[str, Seen],
    ) -> None:
        """Packets as evidence, when they are kept at all."""
        if self.job.trace:
            self.keeper.cells(where, cells, seen, self.prober.frames)
            self.keeper.tricks(where, tricks, odd, self.trickster.frames)

    def _adverts(self, firewall: FirewallName) -> str:
        return " ".join(followed(self.network, self.pump, self.trickster.send, firewall))

    def _filtering(self, scope: Scope) -> tuple[FirewallName, ...]:
        return self.network.firewalls if scope == "chain" else (scope,)

    def _idle(self, cells: list[Cell], seen: dict[int, Seen], scope: Scope) -> dict[str, str]:
        """Of one connection of every permitted TCP flow: the seconds for which each firewall on the way would keep it idle."""
        flows = [c for c in cells if c.expected(scope) == "allow" and c.protocol == "tcp"]
        works = [cell for cell in flows if seen[cell.number].cls == "delivered"]
        held = [(cell, self.prober.hold(cell)) for cell in works]
        self.pump.run(ACKNOWLEDGED_SECONDS)
        facts = {}
        tables = {firewall: remaining(self.network.ns, firewall) for firewall in self._filtering(scope)}
        for cell, connection in held:
            for firewall in cell.crossing if scope == "chain" else self._filtering(scope):
                kept = tables[firewall].get(connection.port)
                facts[f"idle {firewall} {cell.label()}"] = "" if kept is None else str(kept)
            connection.close()
        self.pump.forget()
        return facts

    def _trace(self, scope: Scope, cells: list[Cell], seen: dict[int, Seen], odd: dict[str, Seen]) -> None:
        """Names the deciding rule of what went wrong, one probe a case, by sending it once more under the kernel's trace."""
        firewalls = self._filtering(scope)
        wrong: dict[str, Cell] = {}
        for cell in cells:
            if went_wrong(cell.expected(scope), seen[cell.number]):
                wrong.setdefault(cell.case, cell)
        chosen = list(wrong.values())[:MOST_TRACED]
        if chosen:
            lines = self._traced(firewalls, lambda: self.prober.play(chosen, ()))
            for cell in chosen:
                ident = f"{'id' if cell.protocol == 'icmp' else 'sport'} {self.prober.ports[cell.number]} "
                rule = deciding(lines, partial(_mentions, ident))
                seen[cell.number] = seen[cell.number].model_copy(update={"rule": rule})
        odd_ones: dict[str, Trick] = {}
        for trick in self.tricks:
            if trick.id in odd and (odd[trick.id].cls == "delivered") == (trick.expected == "deny"):
                odd_ones.setdefault(trick.case, trick)
        for trick in list(odd_ones.values())[:MOST_TRACED_TRICKS]:
            lines = self._traced(firewalls, partial(self.trickster.play, [trick]))
            prepared = bool(trick.setup or trick.talk)
            rule = deciding(lines, partial(_mentions, f"daddr {trick.aim} "), last_packet=prepared)
            odd[trick.id] = odd[trick.id].model_copy(update={"rule": rule})

    def _traced(self, firewalls: Sequence[str], act: Callable[[], object]) -> dict[str, list[str]]:
        tracer = Tracer(self.network.ns, firewalls)
        tracer.start(act)
        act()
        return tracer.stop(self.pump.run)

    def boot(self, variant: Variant) -> Round:
        """Before a ruleset is loaded: forwarding as the policy declares, the boot rules if any; nothing may pass."""
        started = time.monotonic()
        cells: dict[int, Seen] = {}
        facts: dict[str, str] = {}
        for firewall in self.network.firewalls:
            other: FirewallName = "lgwan" if firewall == "boundary" else "boundary"
            self._open(other)
            self._open(firewall)
            declared = self.policy.firewall[firewall].forwarding_before_load
            forwards = variant.forwarding_before_load.get(firewall, declared)
            self.network.forward(firewall, forwards)
            if variant.boot.get(firewall):
                self._nft(firewall, OPEN + variant.boot[firewall])
            crossing = self._sample(firewall)
            seen = self.prober.play(crossing, ())
            passed = [cell for cell in crossing if seen[cell.number].cls in PASSED]
            facts[firewall] = "; ".join(cell.label() for cell in passed[:5])
            cells.update(seen)
            self.network.forward(firewall, True)
        return Round(id="boot", cells=cells, facts=facts, seconds=time.monotonic() - started)

    def _sample(self, firewall: FirewallName) -> list[Cell]:
        """One denied cell of every case, family and protocol that must be stopped by ``firewall``; the ports in use apart."""
        found: dict[tuple[str, str, str, int], Cell] = {}
        used = (self.policy.service.port, self.policy.service.proxy_port)
        for cell in self.cells:
            if cell.expected(firewall) == "deny" and not cell.destination.startswith("firewall:"):
                port = cell.port if cell.port in used else 0
                found.setdefault((cell.case, cell.family, cell.protocol, port), cell)
        return list(found.values())

    def reload(self, variant: Variant) -> Round:
        """Loads the transactions again one by one; between them nothing denied passes, and a permitted flow goes on."""
        started = time.monotonic()
        facts: dict[str, str] = {}
        for rules in (variant.boundary, variant.lgwan):
            if rules is None:
                continue
            self._set(*((rules, None) if rules.firewall == "boundary" else (None, rules)))
            flow = next(c for c in self.cells if c.permitted and rules.firewall in c.crossing and c.protocol == "tcp")
            steady = self.prober.hold(flow)
            leaks: list[str] = []
            for number in range(len(rules.transactions)):
                rule_files.load(rules, self.network.ns.command(rules.firewall), only=number)
                sample = self._sample(rules.firewall)
                seen = self.prober.play(sample, ())
                leaks += [
                    f"{rules.names[number]} の後 / after: {c.label()}" for c in sample if seen[c.number].cls in PASSED
                ]
            facts[f"leak {rules.firewall}"] = "; ".join(leaks[:5])
            facts[f"flow {rules.firewall}"] = "" if steady.goes_on() else flow.label()
            steady.close()
        return Round(id="reload", facts=facts, seconds=time.monotonic() - started)

    # ── variants ──

    def play(self, variant: Variant) -> LabRecord:
        """All rounds of one variant. Refused when something handed in cannot be used."""
        started = time.monotonic()
        self.check(variant)
        rounds: dict[str, Round] = {}
        unavailable = ""
        for name in variant.rounds:
            step_started = time.monotonic()
            match name:
                case "control":
                    rounds[name] = self.control()
                    continue  # played before, and told then
                case "boundary" | "lgwan" | "chain":
                    rounds[name] = self.filtered(name, variant)
                case "reload":
                    rounds[name] = self.reload(variant)
                case "boot":
                    rounds[name] = self.boot(variant)
                case _:
                    continue
            self._step(name, variant.name, time.monotonic() - step_started)
        try:
            for done, played in self.relay.play(variant, rounds).items():
                before = rounds.get(done)
                rounds[done] = played if before is None else before.model_copy(update={"exchanges": played.exchanges})
                self._step(done, variant.name, played.seconds)
        except ProxyProblem as error:
            raise Refused(str(error)) from None
        except ProxyUnsupported as error:
            unavailable = str(error)  # what was played without the relay stays as it was seen
        pairs = {"boundary": variant.boundary, "lgwan": variant.lgwan}
        return LabRecord(
            policy=self.policy.id,
            hashes={name: one.digest for name, one in pairs.items() if one is not None},
            tools=_tools(),
            privilege="user namespace" if os.environ.get("SHINSEI_LAB_USER") else "root",
            rounds=rounds,
            unavailable=unavailable,
            packets=self.keeper.capture.count,
            packets_left_out=self.keeper.capture.left_out,
            seconds=time.monotonic() - started,
        )

    def close(self) -> None:
        self.prober.close()
        self.trickster.close()
        self.pump.close()
        self.network.close()


def _mentions(word: str, text: str) -> bool:
    return word in f"{text} "


def _tools() -> dict[str, str]:
    found = {"kernel": os.uname().release}
    for name, words in (("nft", ["--version"]), ("ip", ["-V"]), ("squid", ["-v"])):
        path = tool(name)
        if path is not None:
            done = subprocess.run([path, *words], capture_output=True, text=True, timeout=10, check=False)
            found[name] = (done.stdout or done.stderr).strip().splitlines()[0][:80]
    return found
