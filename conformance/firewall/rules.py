"""Rules as they are handed in — nft text, nft JSON, iptables-save, the neutral table — and as the lab loads them."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from conformance.firewall.include import IncludeError, expanded, line_mark, origin
from conformance.firewall.ipset import IpSet, IpsetError, is_ipset, read_sets, written_out
from conformance.firewall.netns import tool
from conformance.firewall.table import TableError, compile_table, is_table, text_of
from interface_spec.policy import FirewallName, Policy

Kind = Literal["nft", "nft-json", "iptables", "ip6tables", "table", "ipset"]
NFT_SECONDS = 20
KERNEL_FEATURES = {"flowtable": r"\bflowtable\b|\bflow add\b", "queue": r"\bqueue\b|-j NFQUEUE\b"}
"""Features that a kernel may lack, and how a line that uses one looks."""


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
    if data.startswith(b"PK") or name.lower().endswith((".csv", ".tsv", ".xlsx")):
        return "table"
    text = data.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        return "nft-json"
    if re.search(r"^\*(filter|nat|mangle|raw)\s*$", text, re.MULTILINE):
        six = "ip6tables" in text[:200] or re.search(r"^-A .*(-s|-d) [0-9a-f]*:[0-9a-f:]+", text, re.MULTILINE)
        return "ip6tables" if six or re.search(r"icmpv6|icmp6", text) else "iptables"
    if is_ipset(text):
        return "ipset"
    try:
        return "table" if is_table(text_of(data)) else "nft"
    except UnicodeDecodeError:
        return "nft"


def read_rules(firewall: FirewallName, files: Iterable[Path], policy: Policy) -> Rules:
    """Reads and translates the files of one firewall. Raises RulesError."""
    parts = []
    for path in files:
        try:
            parts.append((path.name, _whole(path)))
        except OSError as error:
            raise RulesError(f"{path}: 読めません / cannot be read: {error.strerror}") from None
        except IncludeError as error:
            raise RulesError(str(error)) from None
    return make_rules(firewall, parts, policy)


def _whole(path: Path) -> bytes:
    """The file with what it includes; only nft texts include."""
    data = path.read_bytes()
    if kind_of(data, path.name) != "nft":
        return data
    try:
        return expanded(data.decode("utf-8-sig"), path).encode()
    except UnicodeDecodeError:
        return data


def make_rules(firewall: FirewallName, parts: Iterable[tuple[str, bytes]], policy: Policy) -> Rules:
    """Rules from (name, content) pairs. Raises RulesError."""
    given = [(name, data, kind_of(data, name)) for name, data in parts]
    sets: dict[str, IpSet] = {}
    names, kinds, transactions = [], [], []
    mapping = {**policy.interface_map, **policy.firewall[firewall].interface_map, **policy.address_map}
    try:
        for name, data, kind in given:
            if kind == "ipset":
                sets |= read_sets(_text(data, name), name)
    except IpsetError as error:
        raise RulesError(str(error)) from None
    for name, data, kind in given:
        if kind == "ipset":
            continue
        text = _renamed(_translate(kind, data, name, firewall, sets, policy.address_map), mapping)
        names.append(name)
        kinds.append(kind)
        transactions.append(text)
    if not names:
        raise RulesError(f"{firewall}: 規則のファイルがありません / no rule file given")
    return Rules(firewall=firewall, names=tuple(names), kinds=tuple(kinds), transactions=tuple(transactions))


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise RulesError(f"{name}: UTF-8 として読めません / not readable as UTF-8") from None


def _translate(
    kind: Kind, data: bytes, name: str, firewall: str, sets: dict[str, IpSet], objects: Mapping[str, str]
) -> str:
    if kind == "table":
        try:
            return compile_table(data, name, firewall, objects)
        except TableError as error:
            raise RulesError(str(error)) from None
    text = _text(data, name)
    if kind == "nft-json":
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            raise RulesError(
                f"{name}:{error.lineno}: JSON として読めません / not readable as JSON: {error.msg}"
            ) from None
        return text
    if kind in ("iptables", "ip6tables"):
        try:
            return _from_iptables(kind, written_out(text, sets, name, 6 if kind == "ip6tables" else 4), name)
        except IpsetError as error:
            raise RulesError(str(error)) from None
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
        line = re.search(r"line:? (\d+)", done.stderr)
        place = origin(name, text, int(line[1])) if line else name
        raise RulesError(
            f"{place}: iptables-save として読めません / not readable as iptables-save: {_first(done.stderr)}"
        )
    opaque = [one for one in done.stdout.splitlines() if one.strip().startswith("# ") and "-A " in one]
    # What nft cannot say is loaded by iptables-nft itself: the kernel then holds the vendor's own match.
    return text if opaque else _marked(done.stdout, text, name)


def _marked(translated: str, text: str, name: str) -> str:
    """The translation with marks of the lines of ``text`` that its rules came from."""
    rules = [number for number, line in enumerate(text.splitlines(), 1) if re.match(r"(\[\d+:\d+\] )?-[AI] ", line)]
    lines = translated.splitlines()
    if len(rules) != sum(line.startswith(("add rule ", "insert rule ")) for line in lines):
        return translated
    numbers = iter(rules)
    marked = []
    for line in lines:
        if line.startswith(("add rule ", "insert rule ")):
            marked.append(line_mark(int(origin(name, text, next(numbers)).rpartition(":")[2])))
        marked.append(line)
    return "\n".join(marked) + "\n"


def _renamed(text: str, mapping: Mapping[str, str]) -> str:
    """The text with the vendor's interface names and addresses replaced by those of the policy, all at once."""
    if not mapping:
        return text
    words = "|".join(re.escape(one) for one in sorted(mapping, key=len, reverse=True))
    return re.sub(rf"(?<![\w.:-])(?:{words})(?![\w.:-])", lambda found: mapping[found[0]], text)


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
    number, what = (
        (int(found[1]), found[3] or message) if found else (0, message.removeprefix("internal:0:0-0: Error: "))
    )
    place = origin(name, text, number) if found else name
    line = text.splitlines()[number - 1] if 0 < number <= len(text.splitlines()) else ""
    missing = next((word for word, pattern in KERNEL_FEATURES.items() if re.search(pattern, line)), "")
    if missing and re.search(r"No such file|not supported|RULE_APPEND failed", what):
        return FeatureMissing(
            f"{place}: この機械のカーネルに {missing} が無いので、この規則は試せません / this kernel has no {missing}: {what}"
        )
    return RulesError(
        f"{place}: 規則を読み込めません: {what}。この行を直し、nft -c -f で確かめてください"
        f" / the ruleset does not load: {what}; mend this line and try it with nft -c -f"
    )


def _first(text: str) -> str:
    return (text.strip().splitlines() or ["?"])[0]
