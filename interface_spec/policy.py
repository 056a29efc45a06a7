"""The communication policy of one 団体: zones, hosts, firewalls, permitted flows, each with its clause. One TOML file.

Lab, suites, reference rulesets and the 通信制御設定表 all read this, so that a test and a setting can never disagree
about what is intended. Readings that the 手順書 leaves open (topology, ports, implied flows) stand in it as declarations.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from datetime import date
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from interface_spec.errors import SpecError, first_problem
from interface_spec.profile import Provenance

POLICIES = Path(__file__).parent / "policies"

ZoneKind = Literal["lgwan", "conn", "dmz", "mynum", "transit"]
Role = Literal["download", "other-lgwan", "lgwan-dns", "terminal", "relay", "dmz-other", "am", "core"]
Family = Literal["v4", "v6"]
FirewallName = Literal["boundary", "lgwan"]
Port = Annotated[int, Field(ge=1, le=65535)]
MOST_INTERFACE_CHARS = 15

REQUIRED_ROLES: tuple[Role, ...] = (
    "download",
    "other-lgwan",
    "lgwan-dns",
    "terminal",
    "relay",
    "dmz-other",
    "am",
    "core",
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Zone(_Part):
    """A network segment. ``kind`` ``transit`` joins the two firewalls and holds no host."""

    ja: str
    en: str
    kind: ZoneKind
    v4: ipaddress.IPv4Network
    v6: ipaddress.IPv6Network


class Host(_Part):
    """``routes``: what the machine's own table holds toward the firewall (destination prefixes), for FW-R01."""

    ja: str
    en: str
    zone: str
    role: Role
    v4: ipaddress.IPv4Address
    v6: ipaddress.IPv6Address
    routes: tuple[str, ...] = ()

    def address(self, family: Family) -> str:
        return str(self.v4 if family == "v4" else self.v6)


class Leg(_Part):
    """One interface of a firewall; ``interface`` is the name that the vendor's rules use."""

    interface: str = Field(min_length=1, max_length=MOST_INTERFACE_CHARS, pattern=r"^[A-Za-z0-9_.:-]+$")
    v4: ipaddress.IPv4Address
    v6: ipaddress.IPv6Address

    def address(self, family: Family) -> str:
        return str(self.v4 if family == "v4" else self.v6)


class Firewall(_Part):
    ja: str
    en: str
    leg: dict[str, Leg]
    interface_map: dict[str, str] = Field(
        default={},
        description="name in this firewall's rules → interface of a leg, where the two use one name differently",
    )
    forwarding_before_load: bool = Field(
        default=False, description="whether the device forwards before its ruleset is loaded (start-up order)"
    )
    idle_seconds: int | None = Field(
        default=None, ge=1, le=2_000_000, description="declared idle time-out of established TCP connections"
    )


class Service(_Part):
    """What is reached, and how. Ports are not in the 手順書: they are declarations of this policy."""

    fqdn: str = Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])$")
    port: Port = 443
    proxy_port: Port = 8080
    other_fqdns: tuple[str, ...] = ("other.lgwan.test",)


class Flow(_Part):
    """One permitted flow. ``implied``: permitted by declaration, not by the 手順書."""

    id: str
    source: str
    destination: str
    protocol: tuple[Literal["tcp", "udp"], ...]
    port: Port
    clause: str
    requirement: str
    implied: bool = False
    provenance: Provenance = "公開"
    ja: str
    en: str


class Exclusion(_Part):
    """Traffic between two zones that is existing use and outside the 手順書: neither demanded nor denied."""

    source_zone: str
    destination_zone: str
    ja: str
    en: str


class Probes(_Part):
    """Ports that every pair of hosts is probed on, besides those of the flows; and those of the firewalls themselves."""

    tcp: tuple[Port, ...] = (22, 53, 80, 445, 8443)
    udp: tuple[Port, ...] = (53, 123, 161, 443)
    management_tcp: tuple[Port, ...] = (22, 443, 8443)
    management_udp: tuple[Port, ...] = (161,)


class Statement(_Part):
    """An attestation: what no test from outside can see, with a name and a date."""

    statement: str = Field(min_length=1)
    by: str = Field(min_length=1)
    date: date


class WaiverEntry(_Part):
    check: str
    reason: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    expires: date


class Product(_Part):
    name: str
    version: str
    vendor: str


class Policy(_Part):
    id: str
    ja: str
    en: str
    topology: Literal["T1", "T2"]
    families: tuple[Family, ...] = Field(default=("v4", "v6"), min_length=1)
    direction: Literal["one-way", "two-way"] = "one-way"
    subsidy: bool = False
    core_sources: tuple[str, ...] = Field(default=(), description="further hosts of 利用事務系 that may use the relay")
    product: Product
    service: Service
    zone: dict[str, Zone]
    host: dict[str, Host]
    firewall: dict[FirewallName, Firewall]
    flow: tuple[Flow, ...]
    exclusion: tuple[Exclusion, ...] = ()
    probes: Probes = Probes()
    interface_map: dict[str, str] = Field(default={}, description="name in the vendor's rules → interface of a leg")
    address_map: dict[str, str] = Field(
        default={}, description="address in the vendor's rules → address of this policy"
    )
    attestation: dict[str, Statement] = {}
    waiver: tuple[WaiverEntry, ...] = ()

    @model_validator(mode="after")
    def _zones_are_apart(self) -> Self:
        for (one, a), (other, b) in combinations(self.zone.items(), 2):
            if a.v4.overlaps(b.v4) or a.v6.overlaps(b.v6):
                raise ValueError(f"zone.{one}: {other} と範囲が重なっています / overlaps with zone {other}")
        return self

    @model_validator(mode="after")
    def _addresses_are_unique_and_in_their_zone(self) -> Self:
        owner: dict[str, str] = {}
        named: list[tuple[str, str, Host | Leg]] = [(f"host.{name}", one.zone, one) for name, one in self.host.items()]
        legs: list[tuple[str, str, Host | Leg]] = [
            (f"firewall.{fw}.leg.{zone}", zone, leg)
            for fw, wall in self.firewall.items()
            for zone, leg in wall.leg.items()
        ]
        for place, zone_name, one in [*named, *legs]:
            zone = self.zone.get(zone_name)
            if zone is None:
                raise ValueError(f"{place}: ゾーン {zone_name} がありません / no such zone")
            if one.v4 not in zone.v4 or one.v6 not in zone.v6:
                raise ValueError(
                    f"{place}: アドレスがゾーン {zone_name} の範囲（{zone.v4}, {zone.v6}）にありません / address outside its zone"
                )
            for address in (str(one.v4), str(one.v6)):
                if address in owner:
                    raise ValueError(
                        f"{place}: アドレス {address} は {owner[address]} と同じです。どちらかを変えてください / same address as {owner[address]}"
                    )
                owner[address] = place
        return self

    @model_validator(mode="after")
    def _everything_named_exists(self) -> Self:
        missing = sorted(set(REQUIRED_ROLES) - {one.role for one in self.host.values()})
        if missing:
            raise ValueError(f"host: 役割 {', '.join(missing)} の機器がありません / no host of this role")
        for role in ("download", "relay", "am"):
            if len([one for one in self.host.values() if one.role == role]) != 1:
                raise ValueError(f"host: 役割 {role} の機器は一台です / exactly one host of this role")
        for flow in self.flow:
            for end in (flow.source, flow.destination):
                if end not in self.host:
                    raise ValueError(f"flow {flow.id}: 機器 {end} がありません / no such host")
        for one in self.exclusion:
            for zone in (one.source_zone, one.destination_zone):
                if zone not in self.zone:
                    raise ValueError(f"exclusion: ゾーン {zone} がありません / no such zone")
        for name in self.core_sources:
            if name not in self.host or self.host[name].role != "core":
                raise ValueError(f"core_sources: {name} は基幹の機器ではありません / not a host of role core")
        if set(self.firewall) != {"boundary", "lgwan"}:
            raise ValueError("firewall: boundary と lgwan の二つを書きます / write both firewalls")
        interfaces = [leg.interface for wall in self.firewall.values() for leg in wall.leg.values()]
        for wall_name, wall in self.firewall.items():
            names = [leg.interface for leg in wall.leg.values()]
            if len(set(names)) != len(names):
                raise ValueError(f"firewall.{wall_name}: インタフェース名が重複しています / interface used twice")
        for name, target in self.interface_map.items():
            if target not in interfaces:
                raise ValueError(f"interface_map.{name}: {target} という脚はありません / no leg has this interface")
        for wall_name, wall in self.firewall.items():
            for name, target in wall.interface_map.items():
                if target not in {leg.interface for leg in wall.leg.values()}:
                    raise ValueError(
                        f"firewall.{wall_name}.interface_map.{name}: {target} という脚はありません / no leg has this interface"
                    )
        return self

    @model_validator(mode="after")
    def _topology_fits_the_legs(self) -> Self:
        boundary = {self.zone[name].kind for name in self.firewall["boundary"].leg}
        wanted: dict[str, set[str]] = {"T1": {"transit", "dmz", "mynum"}, "T2": {"dmz", "mynum"}}
        if boundary != wanted[self.topology]:
            raise ValueError(
                f"topology: {self.topology} では境界FWの脚は {sorted(wanted[self.topology])} です（今は {sorted(boundary)}） / legs of the boundary firewall do not fit"
            )
        names = list(self.zone)
        for one, other in combinations(names, 2):
            if self.crossing(one, other) is None:
                raise ValueError(f"zone.{other}: {one} から届く経路がありません / no path from {one}")
        return self

    @cached_property
    def _hops(self) -> dict[tuple[str, str], tuple[FirewallName, ...]]:
        """Firewalls on the way between two zones, nearest first."""
        found: dict[tuple[str, str], tuple[FirewallName, ...]] = {}
        for start in self.zone:
            seen: dict[str, tuple[FirewallName, ...]] = {start: ()}
            queue = [start]
            while queue:
                here = queue.pop(0)
                for name, wall in self.firewall.items():
                    for zone in wall.leg if here in wall.leg else ():
                        if zone not in seen:
                            seen[zone] = (*seen[here], name)
                            queue.append(zone)
            found.update({(start, zone): path for zone, path in seen.items()})
        return found

    def crossing(self, source_zone: str, destination_zone: str) -> tuple[FirewallName, ...] | None:
        """Firewalls between two zones in order; None when there is no way."""
        return self._hops.get((source_zone, destination_zone))

    @property
    def main_family(self) -> Family:
        """The family in which the relay is spoken to: the first that is declared."""
        return self.families[0]

    def hosts_of(self, *roles: Role) -> list[str]:
        return [name for name, one in self.host.items() if one.role in roles]

    def the(self, role: Role) -> str:
        """The host of a role that exactly one host has."""
        return self.hosts_of(role)[0]

    def permits(self, source: str, destination: str, protocol: str, port: int) -> Flow | None:
        """The flow that permits this, or None."""
        for flow in self.all_flows:
            if (flow.source, flow.destination, flow.port) == (source, destination, port) and protocol in flow.protocol:
                return flow
        return None

    @cached_property
    def all_flows(self) -> tuple[Flow, ...]:
        """The permitted flows, with one more for every declared further source of 利用事務系."""
        to_relay = next((one for one in self.flow if one.destination == self.the("relay")), None)
        if to_relay is None:
            return self.flow
        more = tuple(
            to_relay.model_copy(
                update={"id": f"{to_relay.id}-{name}", "source": name, "implied": True, "provenance": "仮定"}
            )
            for name in self.core_sources
        )
        return (*self.flow, *more)

    def excluded(self, source_zone: str, destination_zone: str) -> Exclusion | None:
        for one in self.exclusion:
            if (one.source_zone, one.destination_zone) == (source_zone, destination_zone):
                return one
        return None


def _line_of(text: str, place: str) -> int:
    """Line of the table or key that ``place`` (dotted) names, as near as the text lets us tell; 0 when not found."""
    parts = place.split(".")
    for size in range(len(parts), 0, -1):
        head, last = ".".join(parts[:size]), re.escape(parts[size - 1])
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() == f"[{head}]" or (size == len(parts) and re.match(rf"\s*{last}\s*=", line)):
                return number
    return 0


def parse_policy(text: str, name: str) -> Policy:
    """The policy in ``text``. Raises SpecError: one sentence with file, line, problem and fix."""
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(name, "", f"TOML として読めません / not readable as TOML: {error}") from None
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        place, problem = first_problem(error)
        problem = problem.removeprefix("Value error, ").split(" (値 / value:")[0]
        line = _line_of(text, place or problem.partition(":")[0])
        raise SpecError(f"{name}:{line}" if line else name, place, problem) from None


def load_policy(path: Path) -> Policy:
    """The policy file at ``path``; a bare name without a folder is one of ours. Raises SpecError."""
    if not path.is_file() and path.parent == Path() and (POLICIES / f"{path.stem}.toml").is_file():
        path = POLICIES / f"{path.stem}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        ours = "・".join(sorted(one.stem for one in POLICIES.glob("*.toml")))
        raise SpecError(
            path,
            "",
            f"読めません（{error.strerror}）。方針のファイルか、同梱の {ours} を書いてください / cannot be read: name a policy file or one of ours",
        ) from None
    except UnicodeDecodeError:
        raise SpecError(
            path, "", "UTF-8 として読めません。UTF-8 で保存し直してください / not UTF-8: save it as UTF-8"
        ) from None
    return parse_policy(text, str(path))
