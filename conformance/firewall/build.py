"""Builds the network of a policy: one namespace a host and a firewall, one bridge a zone, addresses, routes.

Every host's default way leads to its firewall, so that a probe is stopped by rules and never by a missing route.
Neighbours are entered beforehand: a cold neighbour table would look like a firewall.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from conformance.firewall.multicast import MulticastRoutes
from conformance.firewall.netns import Namespaces, tool
from interface_spec.policy import Family, FirewallName, Host, Leg, Policy

SWITCH = "sw"
HOST_INTERFACE = "eth0"
BUILD_SECONDS = 30
MANY_MESSAGES = "100000"
"""ICMP messages a second: an answer that a spent limit keeps back would look like one that the rules keep back."""
FAMILIES: tuple[Family, ...] = ("v4", "v6")


class Network:
    """A built network: namespaces, and which interface of whom has which hardware address.

    ``multicast``: whether the firewalls pass multicast on where their rules allow it (a matter of the kernel).
    """

    def __init__(self, policy: Policy, prefix: str) -> None:
        self.policy = policy
        self.firewalls: tuple[FirewallName, ...] = tuple(policy.firewall)
        self.macs: dict[tuple[str, str], str] = {}
        names = [SWITCH, *self.firewalls, *policy.host]
        self._prefix = prefix
        _batch([f"netns add {prefix}{name}" for name in names])
        self.ns = Namespaces(names, prefix)
        for name in names:
            self._quiet(name)
        self._links()
        self._addresses()
        self._declared_times()
        self._multicast = MulticastRoutes(self.ns, policy)
        self.multicast = self._multicast.possible

    def _quiet(self, host: str) -> None:
        """No duplicate-address wait, no reverse-path check, directed broadcast forwarded: the rules alone decide."""
        ipv4, ipv6 = Path("/proc/sys/net/ipv4"), Path("/proc/sys/net/ipv6")
        with self.ns.inside(host):
            for scope in ("all", "default"):
                (ipv6 / "conf" / scope / "accept_dad").write_text("0")
                (ipv6 / "conf" / scope / "accept_ra").write_text("0")
                (ipv4 / "conf" / scope / "rp_filter").write_text("0")
                (ipv4 / "conf" / scope / "accept_source_route").write_text("1")
                (ipv4 / "conf" / scope / "accept_redirects").write_text("0")
                (ipv4 / "conf" / scope / "bc_forwarding").write_text("1")
            (ipv4 / "icmp_ratelimit").write_text("0")
            for limit in ("icmp_msgs_per_sec", "icmp_msgs_burst"):
                if (ipv4 / limit).exists():  # where it is one for the whole machine it is not ours to change
                    (ipv4 / limit).write_text(MANY_MESSAGES)
            (ipv6 / "icmp" / "ratelimit").write_text("0")

    def _declared_times(self) -> None:
        """A device's declared idle time-out takes the place of the kernel's own, unless its rules set one (FW-A03)."""
        for name, wall in self.policy.firewall.items():
            if wall.idle_seconds is not None:
                with self.ns.inside(name):
                    established = Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established")
                    established.write_text(str(wall.idle_seconds))

    def _mac(self, owner: str, zone: str) -> str:
        zones, owners = list(self.policy.zone), [*self.firewalls, *self.policy.host]
        return f"02:00:00:00:{zones.index(zone) + 1:02x}:{owners.index(owner) + 1:02x}"

    def _ends(self) -> list[tuple[str, str, str]]:
        """(owner, interface, zone) of every plug."""
        hosts = [(name, HOST_INTERFACE, one.zone) for name, one in self.policy.host.items()]
        legs = [
            (fw, leg.interface, zone) for fw, wall in self.policy.firewall.items() for zone, leg in wall.leg.items()
        ]
        return [*hosts, *legs]

    def _links(self) -> None:
        p, lines, switch = self._prefix, [], []
        for number in range(len(self.policy.zone)):
            switch.append(
                f"link add br{number} address 02:00:00:00:{number + 1:02x}:ff type bridge forward_delay 0 mcast_snooping 0"
            )
            switch.append(f"link set br{number} up")
        for number, (owner, interface, zone) in enumerate(self._ends()):
            self.macs[(owner, zone)] = self._mac(owner, zone)
            lines.append(
                f"link add {interface} address {self._mac(owner, zone)} netns {p}{owner} type veth peer name p{number} netns {p}{SWITCH}"
            )
            switch.append(f"link set p{number} master br{list(self.policy.zone).index(zone)}")
            switch.append(f"link set p{number} up")
        _batch(lines)
        _batch(switch, namespace=p + SWITCH)

    def _addresses(self) -> None:
        for owner, interface, zone in self._ends():
            lines = ["link set lo up", f"link set {interface} up"]
            mine = self._owned(owner, zone)
            for family in FAMILIES:
                prefix = (self.policy.zone[zone].v4 if family == "v4" else self.policy.zone[zone].v6).prefixlen
                nodad = " nodad" if family == "v6" else ""
                lines.append(f"addr add {mine[family]}/{prefix} dev {interface}{nodad}")
            for other, _, where in self._ends():
                if where == zone and other != owner:
                    for family in FAMILIES:
                        address = self._owned(other, zone)[family]
                        lines.append(
                            f"neigh replace {address} lladdr {self._mac(other, zone)} dev {interface} nud permanent"
                        )
            _batch(lines, namespace=self._prefix + owner)
        for owner in (*self.policy.host, *self.firewalls):
            _batch(self._routes(owner), namespace=self._prefix + owner)

    def _owned(self, owner: str, zone: str) -> dict[Family, str]:
        one = self.policy.host.get(owner) or self.policy.firewall[_wall(owner)].leg[zone]
        return {family: one.address(family) for family in FAMILIES}

    def _routes(self, owner: str) -> list[str]:
        mine = {zone for who, _, zone in self._ends() if who == owner}
        lines = []
        for zone in self.policy.zone:
            via = None if zone in mine else self._next_hop(owner, mine, zone)
            if via is not None:
                for family in FAMILIES:
                    target = self.policy.zone[zone].v4 if family == "v4" else self.policy.zone[zone].v6
                    lines.append(f"route add {target} via {via[family]}")
        return lines

    def _next_hop(self, owner: str, mine: set[str], zone: str) -> dict[Family, str] | None:
        """The nearest firewall's address toward ``zone`` on a segment that ``owner`` is on."""
        best: tuple[int, str, FirewallName] | None = None
        for here in mine:
            path = self.policy.crossing(here, zone) or ()
            path = path[1:] if path and path[0] == owner else path
            if path and here in self.policy.firewall[path[0]].leg and (best is None or len(path) < best[0]):
                best = (len(path), here, path[0])
        return self._owned(best[2], best[1]) if best else None

    def gateway_mac(self, host: str, zone: str) -> str:
        """Hardware address of the firewall that ``host`` sends to for ``zone``."""
        home = self.policy.host[host].zone
        first = (self.policy.crossing(home, zone) or ("boundary",))[0]
        return self.macs[(first, home)]

    def add_second_address(self, host: str) -> None:
        """One more address of ``host`` in each family, for a name that moves (PX-22)."""
        zone = self.policy.zone[self.policy.host[host].zone]
        ends = ((second_address(self.policy, host, "v4"), zone.v4), (second_address(self.policy, host, "v6"), zone.v6))
        lines = [
            f"addr add {address}/{net.prefixlen} dev {HOST_INTERFACE}{' nodad' if net.version == 6 else ''}"
            for address, net in ends
        ]
        _batch(lines, namespace=self._prefix + host)

    def forward(self, firewall: FirewallName, on: bool) -> None:
        value = "1" if on else "0"
        with self.ns.inside(firewall):
            Path("/proc/sys/net/ipv4/ip_forward").write_text(value)
            Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text(value)

    def close(self) -> None:
        self._multicast.close()
        self.ns.close()
        _batch([f"netns delete {self._prefix}{name}" for name in (SWITCH, *self.firewalls, *self.policy.host)])


def second_address(policy: Policy, host: str, family: Family) -> str:
    """A free address of the segment of ``host``: the last one that nobody of the policy has."""
    zone = policy.zone[policy.host[host].zone]
    net = zone.v4 if family == "v4" else zone.v6
    everyone: list[Host | Leg] = [*policy.host.values()]
    everyone += [leg for wall in policy.firewall.values() for leg in wall.leg.values()]
    taken = {one.address(family) for one in everyone}
    last = min(net.num_addresses, 1 << 16) - 2
    return next(str(net[number]) for number in range(last, 0, -1) if str(net[number]) not in taken)


def _wall(owner: str) -> FirewallName:
    return "boundary" if owner == "boundary" else "lgwan"


def _batch(lines: list[str], namespace: str = "") -> None:
    words = [tool("ip") or "ip", *(["-n", namespace] if namespace else []), "-batch", "-"]
    done = subprocess.run(
        words, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )
    if done.returncode != 0:
        raise OSError(f"ip: {done.stderr.strip()}")
