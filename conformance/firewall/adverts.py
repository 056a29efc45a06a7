"""Router advertisements of a neighbour: a firewall whose rules let them in may send its traffic where the neighbour says.

The lab's firewalls would follow one (accept_ra = 2) while this is tried, so that the rules alone decide.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

from conformance.firewall import frames as f
from conformance.firewall.build import Network
from conformance.firewall.netns import tool
from conformance.firewall.pump import Pump
from interface_spec.policy import FirewallName

ROUTER = "fe80::7:7"
ALL_NODES = "ff02::1"
ALL_NODES_MAC = "33:33:00:00:00:01"
LIFETIME_SECONDS = 30
QUIET_SECONDS = 0.02
FLUSH_SECONDS = 10


def followed(network: Network, pump: Pump, send: Callable[[str, bytes], None], firewall: FirewallName) -> list[str]:
    """Interfaces of the legs on which the firewall took over a neighbour's default route; it is taken away again."""
    legs = {leg.interface: zone for zone, leg in network.policy.firewall[firewall].leg.items()}
    _accept(network, firewall, legs, "2")
    for zone in legs.values():
        host = next((name for name, one in network.policy.host.items() if one.zone == zone), None)
        if host is not None:
            send(host, _advertisement(network.macs[(host, zone)]))
    pump.drain(QUIET_SECONDS)
    found = _routers(network, firewall)
    _accept(network, firewall, legs, "0")
    if found:
        words = [tool("ip") or "ip", "-6", "route", "flush", "proto", "ra"]
        subprocess.run(network.ns.command(firewall, *words), capture_output=True, timeout=FLUSH_SECONDS, check=True)
    return sorted(one for one in legs if one in found)


def _accept(network: Network, firewall: FirewallName, interfaces: dict[str, str], value: str) -> None:
    with network.ns.inside(firewall):
        for one in interfaces:
            (Path("/proc/sys/net/ipv6/conf") / one / "accept_ra").write_text(value)


def _advertisement(mac: str) -> bytes:
    body = struct.pack("!HII", LIFETIME_SECONDS, 0, 0)
    message = f.icmp(134, 0, b"\x40\0" + body[:2], body[2:], source=ROUTER, destination=ALL_NODES)
    return f.ethernet(ALL_NODES_MAC, mac, f.ipv6(ROUTER, ALL_NODES, 58, message, hops=255))


def _routers(network: Network, firewall: FirewallName) -> set[str]:
    """Interfaces with a default route of IPv6."""
    with network.ns.inside(firewall):
        lines = Path("/proc/thread-self/net/ipv6_route").read_text(encoding="ascii").splitlines()
    fields = [line.split() for line in lines]
    return {one[9] for one in fields if one[0] == "0" * 32 and one[1] == "00" and one[4] != "0" * 32}
