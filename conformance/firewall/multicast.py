"""Multicast routes of the lab's firewalls, so that multicast reaches the rules at all (FW-D16).

A firewall passes multicast on only where a route for (source, group) stands. Here everything that a host sends to the lab's
groups has one to every other leg: whether it goes there is left to the rules. A kernel without multicast routing has none.
"""

from __future__ import annotations

import ipaddress
import socket
import struct

from conformance.firewall.netns import Namespaces
from interface_spec.policy import FirewallName, Policy

GROUPS = {"v4": "239.255.77.7", "v6": "ff1e::77:7"}
"""Groups of the lab: organisation-local and transient, used by nobody."""
MRT_INIT, MRT_ADD_VIF, MRT_ADD_MFC = 200, 202, 204
"""The same numbers for IPv4 (at level IPPROTO_IP) and IPv6 (at level IPPROTO_IPV6)."""
BY_INDEX = 8
MOST_LEGS = 32


def hardware_address(address: str) -> str:
    """Ethernet address of a multicast group; "" when ``address`` is none."""
    one = ipaddress.ip_address(address)
    if not one.is_multicast:
        return ""
    packed = one.packed
    head, low = (
        (b"\x01\x00\x5e", bytes([packed[1] & 0x7F]) + packed[2:]) if one.version == 4 else (b"\x33\x33", packed[12:])
    )
    return (head + low).hex(":")


class MulticastRoutes:
    """Routes that stand as long as this object is not closed."""

    def __init__(self, ns: Namespaces, policy: Policy) -> None:
        self._ns, self._policy = ns, policy
        self._sockets: list[socket.socket] = []
        try:
            for name in policy.firewall:
                self._v4(name)
                self._v6(name)
            self.possible = True
        except OSError:
            self.possible = False

    def _open(self, name: FirewallName, family: int, protocol: int, level: int) -> tuple[socket.socket, dict[str, int]]:
        """A control socket in the firewall's namespace, and the index of each leg's interface by zone."""
        with self._ns.inside(name):
            channel = socket.socket(family, socket.SOCK_RAW, protocol)
            self._sockets.append(channel)
            legs = {zone: socket.if_nametoindex(leg.interface) for zone, leg in self._policy.firewall[name].leg.items()}
        channel.setsockopt(level, MRT_INIT, 1)
        return channel, legs

    def _v4(self, name: FirewallName) -> None:
        channel, legs = self._open(name, socket.AF_INET, socket.IPPROTO_IGMP, socket.IPPROTO_IP)
        for number, index in enumerate(legs.values()):
            channel.setsockopt(socket.IPPROTO_IP, MRT_ADD_VIF, struct.pack("=HBBIiI", number, BY_INDEX, 1, 0, index, 0))
        for source, parent in self._sources(name, list(legs)):
            others = bytes(0 if one in (parent, *range(len(legs), MOST_LEGS)) else 1 for one in range(MOST_LEGS))
            ends = self._policy.host[source].v4.packed + ipaddress.ip_address(GROUPS["v4"]).packed
            channel.setsockopt(
                socket.IPPROTO_IP,
                MRT_ADD_MFC,
                ends + struct.pack("=H", parent) + others + struct.pack("=2xIIIi", 0, 0, 0, 0),
            )

    def _v6(self, name: FirewallName) -> None:
        channel, legs = self._open(name, socket.AF_INET6, socket.IPPROTO_ICMPV6, socket.IPPROTO_IPV6)
        for number, index in enumerate(legs.values()):
            channel.setsockopt(socket.IPPROTO_IPV6, MRT_ADD_VIF, struct.pack("=HBBHxxI", number, 0, 1, index, 0))
        for source, parent in self._sources(name, list(legs)):
            others = sum(1 << one for one in range(len(legs)) if one != parent)
            ends = _end6(str(self._policy.host[source].v6)) + _end6(GROUPS["v6"])
            channel.setsockopt(
                socket.IPPROTO_IPV6,
                MRT_ADD_MFC,
                ends + struct.pack("=Hxx", parent) + others.to_bytes(MOST_LEGS, "little"),
            )

    def _sources(self, name: FirewallName, zones: list[str]) -> list[tuple[str, int]]:
        """Every host with the number of the leg through which what it sends comes in."""
        found = []
        for host, one in self._policy.host.items():
            far = {zone: self._policy.crossing(one.zone, zone) or () for zone in zones}
            near = min(zones, key=lambda zone: len(far[zone]) + (MOST_LEGS if name in far[zone] else 0))
            found.append((host, zones.index(near)))
        return found

    def close(self) -> None:
        for channel in self._sockets:
            channel.close()


def _end6(address: str) -> bytes:
    return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, ipaddress.IPv6Address(address).packed, 0)
