"""The matrix: every probe from every host to every other zone and to the firewalls themselves, and what is intended.

Pure: a function of the policy and the case table. The lab plays it, the suites judge it, the diagram shows it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from interface_spec.errors import SpecError, first_problem
from interface_spec.policy import Family, FirewallName, Policy

CASES_FILE = Path(__file__).parent.parent / "suites" / "fw" / "cases.toml"

Expected = Literal["allow", "deny", "excluded"]
Scope = Literal["boundary", "lgwan", "chain"]
SCOPES: tuple[Scope, ...] = ("boundary", "lgwan", "chain")
FIREWALL_HOST = "firewall:"


@dataclass(frozen=True)
class Cell:
    """One probe. ``destination`` is a host, or ``firewall:<name>`` for a firewall's own address."""

    number: int
    source: str
    destination: str
    source_address: str
    address: str
    family: Family
    protocol: Literal["tcp", "udp", "icmp"]
    port: int
    case: str
    permitted: bool
    crossing: tuple[FirewallName, ...]
    excluded: bool = False

    def expected(self, scope: Scope) -> Expected | None:
        """What must happen when only ``scope`` filters; None when this probe does not meet it."""
        if scope != "chain" and scope not in self.crossing:
            return None
        if self.excluded:
            return "excluded"
        return "allow" if self.permitted else "deny"

    def label(self) -> str:
        what = "icmp echo" if self.protocol == "icmp" else f"{self.protocol} {self.port}"
        return f"{self.source} → {self.destination} {self.address} {what}"


class Case(BaseModel):
    """A row of the case table. Lists of roles; empty means any. The first row that fits a probe owns it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    ja: str
    en: str
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    service: Literal["any", "service", "proxy", "not-service", "not-proxy"] = "any"
    permitted: Literal["", "yes", "no"] = ""

    def fits(self, source_role: str, destination_role: str, port: int, permitted: bool, policy: Policy) -> bool:
        if self.sources and source_role not in self.sources:
            return False
        if self.destinations and destination_role not in self.destinations:
            return False
        if self.permitted and permitted != (self.permitted == "yes"):
            return False
        match self.service:
            case "service":
                return port == policy.service.port
            case "proxy":
                return port == policy.service.proxy_port
            case "not-service":
                return port != policy.service.port
            case "not-proxy":
                return port != policy.service.proxy_port
        return True


@lru_cache(maxsize=1)
def load_cases() -> tuple[Case, ...]:
    """The case table in its order. Raises SpecError."""
    data = tomllib.loads(CASES_FILE.read_text(encoding="utf-8"))
    try:
        return tuple(Case.model_validate(one) for one in data["case"])
    except ValidationError as error:
        raise SpecError(CASES_FILE.name, *first_problem(error)) from None


def ports_of(policy: Policy) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(tcp ports, udp ports) that every pair is probed on: those of the flows and those of ``probes``."""
    tcp = {policy.service.port, policy.service.proxy_port, *policy.probes.tcp}
    udp = {*policy.probes.udp}
    for flow in policy.flow:
        (tcp if "tcp" in flow.protocol else udp).add(flow.port)
        if "udp" in flow.protocol:
            udp.add(flow.port)
    return tuple(sorted(tcp)), tuple(sorted(udp))


def own_ports(policy: Policy) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(tcp ports, udp ports) of the firewalls' own addresses: management, and what would be forwarded to a machine behind."""
    tcp = {*policy.probes.management_tcp, policy.service.port, policy.service.proxy_port, 80}
    return tuple(sorted(tcp)), tuple(sorted(policy.probes.management_udp))


def build_matrix(policy: Policy) -> tuple[Cell, ...]:
    """Every cell, numbered; a function of the policy alone. SpecError when a probe belongs to no case."""
    return tuple(_numbered(policy))


def _numbered(policy: Policy) -> Iterator[Cell]:
    number = 0
    for source, destination, address, crossing, family, role in _pairs(policy):
        wall = destination.startswith(FIREWALL_HOST)
        tcp, udp = own_ports(policy) if wall else ports_of(policy)
        wanted: list[tuple[Literal["tcp", "udp", "icmp"], int]] = [
            *(("tcp", port) for port in tcp),
            *(("udp", port) for port in udp),
            ("icmp", 0),
        ]
        here = policy.host[source]
        excluded = not wall and policy.excluded(here.zone, policy.host[destination].zone) is not None
        for protocol, port in wanted:
            flow = policy.permits(source, destination, protocol, port)
            permitted = flow is not None and family in policy.families
            number += 1
            yield Cell(
                number=number,
                source=source,
                destination=destination,
                source_address=here.address(family),
                address=address,
                family=family,
                protocol=protocol,
                port=port,
                case=_case(here.role, role, port, permitted, policy),
                permitted=permitted,
                crossing=crossing,
                excluded=excluded,
            )


def _pairs(policy: Policy) -> Iterator[tuple[str, str, str, tuple[FirewallName, ...], Family, str]]:
    """(source, destination, address, firewalls on the way, family, destination's role)"""
    families: tuple[Family, ...] = ("v4", "v6")
    for source, here in policy.host.items():
        for family in families:
            for destination, there in policy.host.items():
                if there.zone != here.zone:
                    crossing = policy.crossing(here.zone, there.zone) or ()
                    yield source, destination, there.address(family), crossing, family, there.role
            for name, wall in policy.firewall.items():
                for zone, leg in wall.leg.items():
                    between = policy.crossing(here.zone, zone) or ()
                    path = tuple(dict.fromkeys((*between, name))) if name not in between else _up_to(between, name)
                    yield source, f"{FIREWALL_HOST}{name}", leg.address(family), path, family, "firewall"


def _up_to(path: tuple[FirewallName, ...], name: FirewallName) -> tuple[FirewallName, ...]:
    return path[: path.index(name) + 1]


def _case(source_role: str, destination_role: str, port: int, permitted: bool, policy: Policy) -> str:
    for case in load_cases():
        if case.fits(source_role, destination_role, port, permitted, policy):
            return case.id
    raise SpecError(
        CASES_FILE.name, "case", f"{source_role} → {destination_role} がどの行にも当たりません / no row fits"
    )
