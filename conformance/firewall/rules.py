"""Rules as they are handed in — nft text, nft JSON, iptables-save, the neutral table — and as the lab loads them.

Whatever a rule names must be of the policy: an interface that exists nowhere would silently never match.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from conformance.firewall.netns import tool
from conformance.firewall.table import TableError, compile_table
from interface_spec.policy import FirewallName, Policy

Kind = Literal["nft", "nft-json", "iptables", "ip6tables", "table"]
SPECIAL = [
    ipaddress.ip_network(one)
    for one in (
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32",
        "::/128", "::1/128", "fe80::/10", "ff00::/8",
    )
]  # fmt: skip
NFT_SECONDS = 20


class RulesError(ValueError):
    """The vendor's rules cannot be used (exit 2); ``str()`` is one sentence with file, line and fix."""


class FeatureMissing(RulesError):
    """The rules use what this machine's kernel has not: no fault of the vendor, but nothing can be said of them here."""


class Rules(BaseModel):
    """One firewall's rules. Each element of ``transactions`` is loaded by itself, in order (several files, a gap between)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    firewall: FirewallName
    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    transactions: tuple[str, ...]

    @property
    def digest(self) -> str:
        return hashlib.sha256("\0".join(self.transactions).encode()).hexdigest()


def kind_of(data: bytes, name: str) -> Kind:
    """What a file holds, by its content."""
    if data.startswith(b"PK") or name.lower().endswith((".csv", ".xlsx")):
        return "table"
    text = data.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        return "nft-json"
    if re.search(r"^\*(filter|nat|mangle|raw)\s*$", text, re.MULTILINE):
        six = "ip6tables" in text[:200] or re.search(r"^-A .*(-s|-d) [0-9a-f]*:[0-9a-f:]+", text, re.MULTILINE)
        return "ip6tables" if six or re.search(r"icmpv6|icmp6", text) else "iptables"
    return "nft"


def read_rules(firewall: FirewallName, files: Iterable[Path], policy: Policy) -> Rules:
    """Reads and translates the files of one firewall. Raises RulesError."""
    parts = []
    for path in files:
        try:
            parts.append((path.name, path.read_bytes()))
        except OSError as error:
            raise RulesError(f"{path}: 読めません / cannot be read: {error.strerror}") from None
    return make_rules(firewall, parts, policy)


def make_rules(firewall: FirewallName, parts: Iterable[tuple[str, bytes]], policy: Policy) -> Rules:
    """Rules from (name, content) pairs. Raises RulesError."""
    names, kinds, transactions = [], [], []
    for name, data in parts:
        kind = kind_of(data, name)
        text = _renamed(_translate(kind, data, name, firewall), policy)
        names.append(name)
        kinds.append(kind)
        transactions.append(text)
    if not names:
        raise RulesError(f"{firewall}: 規則のファイルがありません / no rule file given")
    return Rules(firewall=firewall, names=tuple(names), kinds=tuple(kinds), transactions=tuple(transactions))


def _translate(kind: Kind, data: bytes, name: str, firewall: str) -> str:
    if kind == "table":
        try:
            return compile_table(data, name, firewall)
        except TableError as error:
            raise RulesError(str(error)) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RulesError(f"{name}: UTF-8 として読めません / not readable as UTF-8") from None
    if kind == "nft-json":
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            raise RulesError(
                f"{name}:{error.lineno}: JSON として読めません / not readable as JSON: {error.msg}"
            ) from None
        return text
    if kind in ("iptables", "ip6tables"):
        return _from_iptables(kind, text, name)
    return text


def _from_iptables(kind: str, text: str, name: str) -> str:
    program = tool(f"{kind}-restore-translate")
    if program is None:
        raise RulesError(
            f"{name}: {kind}-restore-translate がありません（apt-get install iptables） / the iptables package is missing"
        )
    done = subprocess.run(
        [program, "-f", "/dev/stdin"], input=text, capture_output=True, text=True, timeout=NFT_SECONDS, check=False
    )
    if done.returncode != 0:
        line = re.search(r"line (\d+)", done.stderr)
        place = f"{name}:{line[1]}" if line else name
        raise RulesError(
            f"{place}: iptables-save として読めません / not readable as iptables-save: {_first(done.stderr)}"
        )
    opaque = [one for one in done.stdout.splitlines() if one.strip().startswith("# ") and "-A " in one]
    # What nft cannot say is loaded by iptables-nft itself: the kernel then holds the vendor's own match.
    return text if opaque else done.stdout


def _renamed(text: str, policy: Policy) -> str:
    """The text with the vendor's interface names and addresses replaced by those of the policy."""
    for mapping in (policy.interface_map, policy.address_map):
        for vendor in sorted(mapping, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.:-]){re.escape(vendor)}(?![\w.:-])", mapping[vendor], text)
    return text


def nft(words: list[str], text: str, prefix: list[str]) -> str:
    """Runs nft on ``text`` behind ``prefix`` (the words that enter a namespace); its output. RulesError with its message."""
    return _run([tool("nft") or "nft", *words], text, prefix)


def _run(words: list[str], text: str, prefix: list[str]) -> str:
    done = subprocess.run(
        [*prefix, *words],
        input=text,
        capture_output=True,
        text=True,
        timeout=NFT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RulesError(_first(done.stderr))
    return done.stdout


def load(rules: Rules, prefix: list[str], *, only: int | None = None) -> None:
    """Loads all transactions, or one of them, into the namespace. RulesError names file and line."""
    for number, text in enumerate(rules.transactions):
        if only is not None and number != only:
            continue
        kind = rules.kinds[number]
        try:
            if kind in ("iptables", "ip6tables") and "\nCOMMIT" in text:
                _run([tool(f"{kind}-nft-restore") or f"{kind}-nft-restore"], text, prefix)
            else:
                nft(["-j", "-f", "-"] if kind == "nft-json" else ["-f", "-"], text, prefix)
        except RulesError as error:
            raise _not_loaded(rules.names[number], text, str(error)) from None


def _not_loaded(name: str, text: str, message: str) -> RulesError:
    """One sentence with file, line and fix for rules that nft or iptables refused."""
    found = re.match(r"/dev/stdin:(\d+):(\d+)-\d+: Error: (.*)", message) or re.search(
        r"line:? (\d+)()(?: failed)?:? ?(.*)", message
    )
    number, what = (int(found[1]), found[3] or message) if found else (0, message)
    place = f"{name}:{number}" if found else name
    line = text.splitlines()[number - 1] if 0 < number <= len(text.splitlines()) else ""
    if re.search(r"\bflowtable\b|\bflow add\b", line) and re.search(r"No such file|not supported", what):
        return FeatureMissing(
            f"{place}: この機械のカーネルに flowtable が無いので、この規則は試せません / this kernel has no flowtable: {what}"
        )
    return RulesError(
        f"{place}: 規則を読み込めません: {what}。この行を直し、nft -c -f で確かめてください"
        f" / the ruleset does not load: {what}; mend this line and try it with nft -c -f"
    )


def _first(text: str) -> str:
    return (text.strip().splitlines() or ["?"])[0]


def check_names(rules: Rules, listed: str, policy: Policy) -> None:
    """Refuses rules that name an interface or address outside the policy. ``listed``: `nft -j list ruleset`."""
    legs = {leg.interface for leg in policy.firewall[rules.firewall].leg.values()}
    interfaces = {*legs, "lo"}
    prefixes = [net for zone in policy.zone.values() for net in (zone.v4, zone.v6)]
    for left, value in _matches(json.loads(listed)):
        meta, payload = left.get("meta", {}).get("key"), left.get("payload", {}).get("field")
        if meta in ("iifname", "oifname", "iif", "oif"):
            for name in _strings(value):
                if not _known_interface(name, interfaces):
                    raise RulesError(
                        f"{_place(rules, name)}: インタフェース {name} は方針の {rules.firewall} の脚（{', '.join(sorted(legs))}）にありません。"
                        f"方針の interface_map に書いてください / interface {name} is no leg of the policy: add it to interface_map"
                    )
        elif payload in ("saddr", "daddr"):
            for net in _networks(value):
                if not any(net.version == own.version and net.overlaps(own) for own in [*prefixes, *SPECIAL]):
                    raise RulesError(
                        f"{_place(rules, str(net).split('/')[0])}: アドレス {net} は方針のどのゾーンにもありません。"
                        f"方針の address_map に書いてください / address {net} is in no zone of the policy: add it to address_map"
                    )


def _known_interface(name: str, interfaces: set[str]) -> bool:
    return any(one.startswith(name[:-1]) for one in interfaces) if name.endswith("*") else name in interfaces


def _place(rules: Rules, word: str) -> str:
    for name, text in zip(rules.names, rules.transactions, strict=True):
        for number, line in enumerate(text.splitlines(), 1):
            if word in line:
                return f"{name}:{number}"
    return rules.names[0]


def _matches(listed: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    sets = {
        (one["set"]["table"], one["set"]["name"]): one["set"].get("elem", [])
        for one in listed["nftables"]
        if "set" in one
    }
    for one in listed["nftables"]:
        for statement in one.get("rule", {}).get("expr", []):
            match = statement.get("match") if isinstance(statement, dict) else None
            if match is None and isinstance(statement, dict) and "vmap" in statement:
                data = statement["vmap"]["data"]
                right = [pair[0] for pair in data.get("set", [])] if isinstance(data, dict) else []
                match = {"left": statement["vmap"]["key"], "right": right}
            if match is None or not isinstance(match["left"], dict):
                continue
            right = match["right"]
            if isinstance(right, str) and right.startswith("@"):
                right = sets.get((one["rule"]["table"], right[1:]), [])
            lefts = match["left"].get("concat", [match["left"]])
            if len(lefts) == 1:
                yield match["left"], right
                continue
            items = right.get("set", []) if isinstance(right, dict) else right if isinstance(right, list) else []
            for at, left in enumerate(lefts):
                yield left, [item["concat"][at] for item in items if isinstance(item, dict) and "concat" in item]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _strings(value.get("set", []))
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def _networks(value: Any) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    if isinstance(value, dict) and "prefix" in value:
        yield ipaddress.ip_network(f"{value['prefix']['addr']}/{value['prefix']['len']}", strict=False)
    elif isinstance(value, dict) and "range" in value:
        for end in value["range"]:
            yield from _networks(end)
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
