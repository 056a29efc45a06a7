"""Neighbour discovery with the rules loaded: a ruleset that stops it would cut IPv6 off on the real machine (FW-A07).

The lab's neighbours are entered beforehand, so that a cold table never looks like a denial; here, and only here, each
entry between a firewall's leg and a machine of its segment is made stale and has to be found again, in both directions.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.firewall.build import HOST_INTERFACE, Network
from conformance.firewall.pump import Pump
from interface_spec.policy import Family, FirewallName

NEW_NEIGHBOUR, GET_NEIGHBOUR = 28, 30
REQUEST_REPLACE, REQUEST_ACK, REQUEST_DUMP = 0x100 | 0x400, 1 | 4, 1 | 0x300
DONE = 3
USE = 1
NONE, REACHABLE, PERMANENT = 0, 2, 0x80
DESTINATION, LINK_ADDRESS = 1, 2
FOUND_SECONDS = 0.3
FAMILY = {"v4": socket.AF_INET, "v6": socket.AF_INET6}


@dataclass(frozen=True)
class _Link:
    """One direction: ``asker`` looks on its ``interface`` for the machine that has ``address``."""

    asker: str
    interface: str
    address: str
    mac: str
    family: Family

    def label(self) -> str:
        return f"{self.asker}:{self.interface} → {self.address}"


def not_found(network: Network, pump: Pump, firewall: FirewallName) -> list[str]:
    """Labels of the directions in which a neighbour was not found; every entry is put back as it was."""
    links = list(_links(network, firewall))
    for link in links:
        _put(network, link, NONE, flags=USE)
    missing = list(links)

    def found() -> bool:
        missing[:] = [link for link in missing if not _is_found(network, link)]
        return not missing

    pump.run(FOUND_SECONDS, found)
    for link in links:
        _put(network, link, PERMANENT)
    return [link.label() for link in missing]


def _links(network: Network, firewall: FirewallName) -> Iterator[_Link]:
    policy = network.policy
    for zone, leg in policy.firewall[firewall].leg.items():
        beside = [(name, HOST_INTERFACE, one.address) for name, one in policy.host.items() if one.zone == zone]
        beside += [
            (name, other.leg[zone].interface, other.leg[zone].address)
            for name, other in policy.firewall.items()
            if name != firewall and zone in other.leg
        ]
        for family in policy.families:
            for name, interface, address in beside:
                yield _Link(firewall, leg.interface, address(family), network.macs[(name, zone)], family)
                yield _Link(name, interface, leg.address(family), network.macs[(firewall, zone)], family)


def _put(network: Network, link: _Link, state: int, *, flags: int = 0) -> None:
    family = FAMILY[link.family]
    attributes = _attribute(DESTINATION, socket.inet_pton(family, link.address))
    if state == PERMANENT:
        attributes += _attribute(LINK_ADDRESS, bytes.fromhex(link.mac.replace(":", "")))
    with _channel(network, link.asker) as channel, network.ns.inside(link.asker):
        index = socket.if_nametoindex(link.interface)
        body = struct.pack("=BBHiHBB", family, 0, 0, index, state, flags, 0) + attributes
        head = struct.pack("=IHHII", 16 + len(body), NEW_NEIGHBOUR, REQUEST_ACK | REQUEST_REPLACE, 1, 0)
        channel.send(head + body)
        code = struct.unpack("=i", channel.recv(4096)[16:20])[0]
        if code:
            raise OSError(-code, f"neighbour {link.label()}")


def _is_found(network: Network, link: _Link) -> bool:
    family = FAMILY[link.family]
    wanted = socket.inet_pton(family, link.address)
    with _channel(network, link.asker) as channel:
        body = struct.pack("=BBHiHBB", family, 0, 0, 0, 0, 0, 0)
        channel.send(struct.pack("=IHHII", 16 + len(body), GET_NEIGHBOUR, REQUEST_DUMP, 1, 0) + body)
        while True:
            data = channel.recv(1 << 16)
            while len(data) >= 16:
                size, kind = struct.unpack("=IH", data[:6])
                if kind == DONE:
                    return False
                state = struct.unpack("=H", data[24:26])[0]
                if wanted in data[28:size] and state & REACHABLE:
                    return True
                data = data[(size + 3) & ~3 :]


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _channel(network: Network, host: str) -> socket.socket:
    with network.ns.inside(host):
        channel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    channel.settimeout(5)
    return channel
