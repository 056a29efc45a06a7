"""Whatever a loaded rule names must be of the policy: an interface or address that exists nowhere would silently never match."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.firewall.include import origin
from conformance.firewall.rules import Rules, RulesError
from interface_spec.policy import Policy

SPECIAL = [
    ipaddress.ip_network(one)
    for one in (
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32",
        "::/128", "::1/128", "fe80::/10", "ff00::/8",
    )
]  # fmt: skip
RESERVED = {
    ipaddress.ip_network(one)
    for one in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48",
        "100::/64", "2001::/23", "2001::/32", "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "2002::/16",
        "3ffe::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
}  # fmt: skip
"""Blocks of the IANA registries of special-purpose addresses. A rule that only refuses a whole block of them says nothing of
this network's plan; a single address of them that the policy does not know is refused as any other."""
INTERFACES = ("iifname", "oifname", "iif", "oif")
REWRITES = ("snat", "dnat", "dup", "fwd", "tproxy")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Tables = Mapping[tuple[str, str, str], list[Any]]


def check_names(rules: Rules, listed: str, policy: Policy) -> None:
    """RulesError when rules name an interface or address outside the policy. ``listed``: `nft -j list ruleset`."""
    legs = {leg.interface for leg in policy.firewall[rules.firewall].leg.values()}
    interfaces = {*legs, "lo"}
    prefixes = [net for zone in policy.zone.values() for net in (zone.v4, zone.v6)]
    for kind, value, refusing in _named(json.loads(listed)["nftables"]):
        if kind == "interface":
            for name in _strings(value):
                if not _known_interface(name, interfaces):
                    raise RulesError(
                        f"{_place(rules, name)}: インタフェース {name} は方針の {rules.firewall} の脚（{', '.join(sorted(legs))}）にありません。"
                        f"方針の interface_map に書いてください / interface {name} is no leg of the policy: add it to interface_map"
                    )
            continue
        for net in _networks(value):
            if not (refusing and net in RESERVED) and not any(
                net.version == own.version and net.overlaps(own) for own in [*prefixes, *SPECIAL]
            ):
                raise RulesError(
                    f"{_place(rules, str(net).split('/')[0])}: アドレス {net} は方針のどのゾーンにもありません。"
                    f"方針の address_map に書いてください / address {net} is in no zone of the policy: add it to address_map"
                )


def _known_interface(name: str, interfaces: set[str]) -> bool:
    return any(one.startswith(name[:-1]) for one in interfaces) if name.endswith("*") else name in interfaces


def _place(rules: Rules, word: str) -> str:
    for name, text in zip(rules.names, rules.transactions, strict=True):
        for number, line in enumerate(text.splitlines(), 1):
            if not line.startswith("#") and re.search(rf"(?<![\w.:-]){re.escape(word)}(?![\w.-])", line):
                return origin(name, text, number)
    return rules.names[0]


def _named(listed: list[dict[str, Any]]) -> Iterator[tuple[str, Any, bool]]:
    """("interface" or "address", what is named, whether its rule only refuses) of all that the ruleset's rules name."""
    tables: dict[tuple[str, str, str], list[Any]] = {}
    for one in listed:
        for kind in ("set", "map"):
            if kind in one:
                held = one[kind]
                tables[(held.get("family", ""), held["table"], held["name"])] = held.get("elem", [])
    for one in listed:
        rule = one.get("rule", {})
        here = (rule.get("family", ""), rule.get("table", ""))
        statements = [one for one in rule.get("expr", []) if isinstance(one, dict)]
        refusing = any("drop" in one or "reject" in one for one in statements)
        for statement in statements:
            for kind, value in _of_statement(statement, here, tables):
                yield kind, value, refusing


def _of_statement(statement: dict[str, Any], here: tuple[str, str], tables: Tables) -> Iterator[tuple[str, Any]]:
    if "match" in statement:
        match = statement["match"]
        yield from _of_key(match["left"], _elements(match["right"], here, tables))
    if "vmap" in statement:
        yield from _of_map(statement["vmap"], here, tables)
    for word in REWRITES:
        target = statement.get(word)
        address = target.get("addr") if isinstance(target, dict) else None
        if isinstance(address, dict) and "map" in address:
            yield from _of_map(address["map"], here, tables)
        elif address is not None:
            yield "address", address


def _of_map(one: dict[str, Any], here: tuple[str, str], tables: Tables) -> Iterator[tuple[str, Any]]:
    pairs = _elements(one["data"], here, tables)
    yield from _of_key(one["key"], [pair[0] if isinstance(pair, list) else pair for pair in pairs])


def _elements(value: Any, here: tuple[str, str], tables: Tables) -> list[Any]:
    if isinstance(value, str) and value.startswith("@"):
        return tables.get((*here, value[1:]), [])
    if isinstance(value, dict) and "set" in value:
        found = value["set"]
        return found if isinstance(found, list) else [found]
    return value if isinstance(value, list) else [value]


def _of_key(key: Any, values: list[Any]) -> Iterator[tuple[str, Any]]:
    """What the values of a match mean, part by part when the key joins several."""
    plain = [one["elem"].get("val") if isinstance(one, dict) and "elem" in one else one for one in values]
    parts = key.get("concat", [key]) if isinstance(key, dict) else []
    for at, part in enumerate(parts):
        kind = _kind(part)
        if not kind:
            continue
        if len(parts) == 1:
            yield kind, plain
        else:
            yield kind, [one["concat"][at] for one in plain if isinstance(one, dict) and "concat" in one]


def _kind(part: Any) -> str:
    if not isinstance(part, dict):
        return ""
    if part.get("meta", {}).get("key") in INTERFACES:
        return "interface"
    if part.get("payload", {}).get("field") in ("saddr", "daddr") and part["payload"].get("protocol") in ("ip", "ip6"):
        return "address"
    return (
        "address"
        if part.get("ct", {}).get("key") in ("saddr", "daddr", "ip saddr", "ip daddr", "ip6 saddr", "ip6 daddr")
        else ""
    )


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _strings(value.get("set", []))
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def _networks(value: Any) -> Iterator[Network]:
    if isinstance(value, dict) and "prefix" in value:
        yield ipaddress.ip_network(f"{value['prefix']['addr']}/{value['prefix']['len']}", strict=False)
    elif isinstance(value, dict) and "range" in value:
        first, last = (ipaddress.ip_address(one) for one in value["range"])
        whole: list[Network] = list(ipaddress.summarize_address_range(first, last))
        yield from whole if len(whole) == 1 else (ipaddress.ip_network(first), ipaddress.ip_network(last))
    elif isinstance(value, dict) and "elem" in value:
        yield from _networks(value["elem"].get("val"))
    elif isinstance(value, dict):
        yield from _networks(value.get("set", []))
    elif isinstance(value, list):
        for one in value:
            yield from _networks(one)
    elif isinstance(value, str):
        try:
            yield ipaddress.ip_network(value, strict=False)
        except ValueError:
            return
