"""nftables rulesets of 境界FW and LGWAN-FW: default drop, every permitted flow bound to its interfaces and addresses."""

from __future__ import annotations

from interface_spec.policy import Family, FirewallName, Flow, Policy

NEIGHBOUR = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255"


def ruleset(policy: Policy, firewall: FirewallName) -> str:
    """The ruleset of one firewall as nft text; one transaction, so that loading and reloading leave no gap."""
    flows = [
        rule
        for flow in policy.all_flows
        if firewall in _crossed(policy, flow)
        for rule in _rules(policy, firewall, flow)
    ]
    body = "\n".join(f"    {line}" for line in flows)
    return f"""# {policy.firewall[firewall].ja}: {policy.ja}
flush ruleset

table inet {firewall} {{
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state invalid counter drop comment "invalid"
    ct state established counter accept comment "established"
    ct state related icmp type destination-unreachable icmp code frag-needed counter accept comment "too big v4"
    ct state related icmpv6 type packet-too-big counter accept comment "too big v6"
{body}
    counter drop comment "default"
  }}

  chain input {{
    type filter hook input priority filter; policy drop;
    {NEIGHBOUR} counter accept comment "neighbour in"
    counter drop comment "to the firewall"
  }}

  chain output {{
    type filter hook output priority filter; policy drop;
    {NEIGHBOUR} counter accept comment "neighbour out"
    ct state related icmp type destination-unreachable counter accept comment "errors v4"
    ct state related icmpv6 type {{ destination-unreachable, packet-too-big }} counter accept comment "errors v6"
    counter drop comment "from the firewall"
  }}
}}
"""


def _crossed(policy: Policy, flow: Flow) -> tuple[FirewallName, ...]:
    return policy.crossing(policy.host[flow.source].zone, policy.host[flow.destination].zone) or ()


def _rules(policy: Policy, firewall: FirewallName, flow: Flow) -> list[str]:
    source, destination = policy.host[flow.source], policy.host[flow.destination]
    incoming = _interface(policy, firewall, source.zone)
    outgoing = _interface(policy, firewall, destination.zone)
    lines = []
    for family in policy.families:
        for protocol in flow.protocol:
            first = "tcp flags & (fin | syn | rst | ack) == syn " if protocol == "tcp" else ""
            lines.append(
                f'iifname "{incoming}" oifname "{outgoing}" {_ip(family)} saddr {source.address(family)} '
                f"{_ip(family)} daddr {destination.address(family)} {protocol} dport {flow.port} "
                f'{first}ct state new counter accept comment "{flow.id} {family} {protocol}"'
            )
    return lines


def _ip(family: Family) -> str:
    return "ip" if family == "v4" else "ip6"


def _interface(policy: Policy, firewall: FirewallName, zone: str) -> str:
    """The leg of ``firewall`` through which ``zone`` is reached."""
    legs = policy.firewall[firewall].leg
    if zone in legs:
        return legs[zone].interface
    nearest = min(legs, key=lambda leg: _distance(policy, firewall, leg, zone))
    return legs[nearest].interface


def _distance(policy: Policy, firewall: FirewallName, leg: str, zone: str) -> int:
    path = policy.crossing(leg, zone) or ()
    return len(path) + (100 if firewall in path else 0)
