"""The rounds that need the 連携サーバ: alone behind open firewalls, in the whole chain, and gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from conformance.firewall.build import Network
from conformance.firewall.job import Job, ProxyJob, SlowPart, Variant
from conformance.firewall.matrix import Cell, ports_of
from conformance.firewall.probe import Prober
from conformance.firewall.proxy_run import ANSWER_SECONDS, Proxy, ProxyClient, ProxyProblem, Turning
from conformance.firewall.pump import Pump
from conformance.firewall.px_cases import PxCase, build_px
from conformance.firewall.record import Exchange, Round
from conformance.firewall.rules import Rules
from conformance.firewall.services import Dns, Sites

BROKEN = "これは設定ではない }} ((\n"
"""What stands in a configuration file after an accident."""
PATIENCE_SECONDS = 10.0
DRIFT_SECONDS = 1.0
"""A request that the packet filter is likely to stop is not waited for as long as one that must work."""
CHAIN_CASES = ("PX-01a", "PX-03", "PX-04a")


class RelayRounds:
    """Plays the rounds of one lab's variants. ``set_rules``: loads the rules of 境界FW and LGWAN-FW, None is open."""

    def __init__(
        self,
        job: Job,
        network: Network,
        pump: Pump,
        prober: Prober,
        cells: Sequence[Cell],
        set_rules: Callable[[Rules | None, Rules | None], None],
    ) -> None:
        self.job, self.network, self.pump, self.prober, self.cells = job, network, pump, prober, cells
        self.policy = network.policy
        self._set = set_rules
        self._sites: Sites | None = None
        self._cases = {case.id: case for case in build_px(self.policy)}

    @property
    def _good(self) -> PxCase:
        return self._cases["PX-01a"]

    def play(self, variant: Variant, before: Mapping[str, Round]) -> dict[str, Round]:
        """The rounds by name. ``before``: what the probes have shown so far. ProxyProblem when the relay does not start."""
        job = variant.proxy
        wanted = [one for one in variant.rounds if one in ("proxy", "chain", "proxy-down")]
        if job is None or not wanted:
            return {}
        self._sites = self._sites or self._make_sites()
        self._sites.patience = PATIENCE_SECONDS + job.idle_seconds
        found: dict[str, Round] = {}
        with self._stage() as dns:
            proxy = Proxy(self.network, job, Path(self.job.work) / "proxy" / variant.name)
            try:
                self._set(None, None)
                proxy.start()
                client = ProxyClient(self.network, self.pump, dns, self._sites, proxy)
                if "proxy" in wanted:
                    alone = self._alone if job.relay_kind == "proxy" else self._observed
                    found["proxy"] = alone(job, client, proxy, dns, variant.slow)
                if "chain" in wanted:
                    if "proxy" in wanted:
                        proxy.start()
                    found["chain"] = self._in_chain(variant, client, proxy, dns, before.get("chain"))
                elif "proxy-down" in wanted and not proxy.alive():
                    proxy.start()  # so that there is something to stop
                proxy.stop()
                if "proxy-down" in wanted:
                    found["proxy-down"] = self._down(variant, client)
            finally:
                proxy.stop()
                proxy.sweep()
        return found

    def _make_sites(self) -> Sites:
        self.network.add_second_address(self.policy.the("download"))
        return Sites(self.policy, datetime.now(UTC))

    @contextmanager
    def _stage(self) -> Iterator[Dns]:
        """Real DNS and real TLS ends in the place of the probes' listeners, for as long as the ``with`` lasts."""
        assert self._sites is not None  # noqa: S101 — made before
        dns_host, relay = self.policy.hosts_of("lgwan-dns")[0], self.policy.the("relay")
        for protocol in ("tcp", "udp"):
            self.pump.stop_listening(dns_host, protocol, 53)
        self.pump.stop_listening(relay, "tcp", self.policy.service.proxy_port)
        self.pump.on_tls = self._sites.serve
        self.pump.connections_seen = []
        dns = Dns(self.network.ns, self.policy)
        try:
            yield dns
        finally:
            dns.close()
            self.pump.connections_seen = None
            self.pump.on_tls = None
            self.pump.forget()
            tcp, udp = ports_of(self.policy)
            for protocol, ports in (("tcp", tcp), ("udp", udp)):
                if 53 in ports:
                    self.pump.listen(dns_host, protocol, 53)
            self.pump.listen(relay, "tcp", self.policy.service.proxy_port)

    # ── alone ──

    def _alone(self, job: ProxyJob, client: ProxyClient, proxy: Proxy, dns: Dns, slow: tuple[SlowPart, ...]) -> Round:
        started = time.monotonic()
        exchanges: dict[str, Exchange] = {}
        with Turning(self.pump):
            idle = client.hold() if job.idle_seconds else None
            for case in self._cases.values():
                exchanges[case.id] = client.play(case)
            if "crowd" in slow:
                exchanges["PX-21"] = client.crowd(self._good, self._cases["PX-03"])
            exchanges["PX-17"] = client.fronted()
            exchanges["PX-23"] = client.large("PX-23")
            exchanges["alive"] = client.play(self._good).model_copy(update={"id": "alive"})
            if idle is not None:
                exchanges["PX-25"] = idle.after(job.idle_seconds)
        facts = {"log": "\n".join(proxy.last_of_log()), "log declared": job.log}
        dns.inward = True
        exchanges.update(self._again(client, proxy, "PX-09"))
        dns.inward = False
        if "answers" in slow:
            exchanges.update(self._answers(client, proxy, dns))
        if "restart" in slow:
            exchanges.update(self._restart(client, proxy))
        if "closed" in slow:
            exchanges.update(self._closed(job, client, proxy))
        return Round(id="proxy", exchanges=exchanges, facts=facts, seconds=time.monotonic() - started)

    def _again(
        self, client: ProxyClient, proxy: Proxy, name: str, patience: float = ANSWER_SECONDS
    ) -> dict[str, Exchange]:
        """The permitted request to the relay that was started anew and so remembers nothing."""
        proxy.stop()
        try:
            proxy.start()
        except ProxyProblem as problem:
            return {name: Exchange(id=name, sent=self._good.head.decode(), error=str(problem))}
        with Turning(self.pump):
            found = client.play(self._good, patience)
        proxy.stop()
        return {name: found.model_copy(update={"id": name})}

    def _answers(self, client: ProxyClient, proxy: Proxy, dns: Dns) -> dict[str, Exchange]:
        """The listed name with addresses of one family only, and with other ones (PX-22)."""
        found: dict[str, Exchange] = {}
        for letter, family in (("a", "v6"), ("b", "v4")):
            if family in self.policy.families:
                dns.only = family
                found.update(self._again(client, proxy, f"PX-22{letter}"))
        dns.only, dns.moved = "", True
        found.update(self._again(client, proxy, "PX-22c"))
        dns.moved = False
        return found

    def _restart(self, client: ProxyClient, proxy: Proxy) -> dict[str, Exchange]:
        """Stopped and started anew; the seconds until an exchange went through (PX-26)."""
        proxy.stop()
        started = time.monotonic()
        found = self._again(client, proxy, "PX-26")["PX-26"]
        return {"PX-26": found.model_copy(update={"seconds": time.monotonic() - started})}

    def _closed(self, job: ProxyJob, client: ProxyClient, proxy: Proxy) -> dict[str, Exchange]:
        """With an empty list, and with a broken configuration file (PX-18)."""
        found: dict[str, Exchange] = {}
        for name, files in (("PX-18e", job.empty_list), ("PX-18b", proxy.broken_files(BROKEN))):
            if files:
                with proxy.replaced(files):
                    found.update(self._anything(client, proxy, name))
        return found

    def _anything(self, client: ProxyClient, proxy: Proxy, name: str) -> dict[str, Exchange]:
        """The permitted request and an unlisted one to a relay that may well refuse to start."""
        names = (name, f"{name}-other")
        proxy.stop()
        try:
            proxy.start(patient=False)
        except ProxyProblem as problem:
            proxy.stop()
            return {one: Exchange(id=one, error=str(problem)) for one in names}
        with Turning(self.pump):
            played = (client.play(self._good), client.play(self._cases["PX-03"]))
        proxy.stop()
        return {one: found.model_copy(update={"id": one}) for one, found in zip(names, played, strict=True)}

    def _observed(
        self, job: ProxyJob, _client: ProxyClient, proxy: Proxy, dns: Dns, _slow: tuple[SlowPart, ...]
    ) -> Round:
        """A relay that is no proxy: what it does by itself is watched for a while."""
        started = time.monotonic()
        with Turning(self.pump):
            time.sleep(job.observe_seconds)
        seen = self.pump.connections_seen or []
        relay = self.policy.host[self.policy.the("relay")]
        own = {str(relay.v4), str(relay.v6), "127.0.0.1", "::1"}
        names = {one.address(f): name for name, one in self.policy.host.items() for f in self.policy.families}
        opened = {
            f"{names.get(one.address, one.address)}:{one.port}"
            for one in seen
            if one.source in own and not (one.leg and one.address in names)
        }
        to_itself = {
            f"{self.policy.the('relay')}:{one.port}"
            for one in seen
            if one.address.startswith("127.") or one.address == "::1"
        }
        facts = {
            "opened": " ".join(sorted(opened - to_itself)),
            "queries": " ".join(dict.fromkeys(dns.queries)),
            "alive": str(proxy.alive()),
        }
        return Round(id="proxy", facts=facts, seconds=time.monotonic() - started)

    # ── chain and down ──

    def _in_chain(self, variant: Variant, client: ProxyClient, proxy: Proxy, dns: Dns, probed: Round | None) -> Round:
        started = time.monotonic()
        blocked = self._way_to_relay(probed)
        if blocked:  # the probes of this round were stopped on the way: nothing to dial
            return Round(id="chain", exchanges={n: Exchange(id=n, error=blocked) for n in (*CHAIN_CASES, "PX-23")})
        self._set(variant.boundary, variant.lgwan)
        with Turning(self.pump):
            exchanges = {name: client.play(self._cases[name]) for name in CHAIN_CASES}
            exchanges["PX-23"] = client.large("PX-23")
        if "drift" in variant.slow:
            dns.moved = True
            exchanges.update(self._again(client, proxy, "PX-22c", DRIFT_SECONDS))
            dns.moved = False
        return Round(id="chain", exchanges=exchanges, seconds=time.monotonic() - started)

    def _way_to_relay(self, probed: Round | None) -> str:
        """Why the application management system cannot even open a connection to the relay in the chain; "" when it can."""
        am, relay = self.policy.the("am"), self.policy.host[self.policy.the("relay")]
        aim = (am, relay.address(self.policy.main_family), "tcp", self.policy.service.proxy_port)
        for cell in self.cells if probed is not None else ():
            if (cell.source, cell.address, cell.protocol, cell.port) == aim and probed is not None:
                seen = probed.cells[cell.number]
                return "" if seen.cls == "delivered" else f"{cell.label()}: {seen.cls} {seen.rule}".rstrip()
        return ""

    def _down(self, variant: Variant, client: ProxyClient) -> Round:
        started = time.monotonic()
        self._set(variant.boundary, variant.lgwan)
        am, port = self.policy.the("am"), self.policy.service.port
        cells = [c for c in self.cells if c.source == am and c.port in (port, self.policy.service.proxy_port)]
        cells = [c for c in cells if not c.destination.startswith("firewall:")]
        with Turning(self.pump):
            exchange = client.play(self._good)
        seen = self.prober.play(cells, ())
        return Round(id="proxy-down", cells=seen, exchanges={"PX-01a": exchange}, seconds=time.monotonic() - started)
