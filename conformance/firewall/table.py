"""The neutral rule table that an appliance vendor can export: CSV or XLSX, compiled to nft text.

Columns (Japanese or English headings, any order): 順番/order, 入力/in, 出力/out, 送信元/src, 宛先/dst, プロトコル/proto,
ポート/ports, 状態/state, 動作/action, 備考/comment. Empty or ``any`` means any. Rules are taken in the order of 順番.
An appliance keeps state and refuses what no row permits; both are written into the compiled ruleset.
"""

from __future__ import annotations

import csv
import io
import ipaddress
import re
from dataclasses import dataclass

from conformance.firewall.xlsx import XlsxError, read_xlsx

COLUMNS: dict[str, tuple[str, ...]] = {
    "order": ("order", "順番", "no", "no."),
    "in": ("in", "入力", "入力インタフェース"),
    "out": ("out", "出力", "出力インタフェース"),
    "src": ("src", "送信元", "source"),
    "dst": ("dst", "宛先", "送信先", "destination"),
    "proto": ("proto", "プロトコル", "protocol"),
    "ports": ("ports", "ポート", "port"),
    "state": ("state", "状態"),
    "action": ("action", "動作", "通信制御"),
    "comment": ("comment", "備考"),
}
REQUIRED = ("order", "src", "dst", "proto", "ports", "action")
ACTIONS = {
    "permit": "accept",
    "allow": "accept",
    "accept": "accept",
    "許可": "accept",
    "deny": "drop",
    "drop": "drop",
    "拒否": "drop",
    "遮断": "drop",
    "reject": "reject",
}
STATES = {"new", "established", "related", "invalid"}
PROTOCOLS = {"tcp", "udp", "icmp", "icmpv6", "any", ""}
ANY = {"", "any", "すべて", "*"}


class TableError(ValueError):
    """A row cannot be used; ``str()`` names the row and what to write."""


@dataclass(frozen=True)
class Row:
    line: int
    order: int
    values: dict[str, str]


def compile_table(data: bytes, name: str, firewall: str) -> str:
    """nft text of a table in CSV (UTF-8 or CP932) or XLSX. Raises TableError naming file, row and fix."""
    rows = sorted(_read(data, name), key=lambda one: one.order)
    rules: list[str] = []
    for row in rows:
        rules += [f"    {rule}" for rule in _compile(row, name)]
    body = "\n".join(rules)
    return f"""flush ruleset

table inet {firewall} {{
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state established accept comment "state kept by the appliance"
    ct state related icmp type destination-unreachable icmp code frag-needed accept comment "state kept by the appliance"
    ct state related icmpv6 type packet-too-big accept comment "state kept by the appliance"
{body}
  }}

  chain input {{
    type filter hook input priority filter; policy drop;
    icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} ip6 hoplimit 255 accept
  }}
}}
"""


def _read(data: bytes, name: str) -> list[Row]:
    if data.startswith(b"PK"):
        try:
            grid = read_xlsx(data)
        except XlsxError as error:
            raise TableError(f"{name}: {error}") from None
    else:
        grid = list(csv.reader(io.StringIO(_text(data, name), newline="")))
    head = next((n for n, row in enumerate(grid) if any(cell.strip() for cell in row)), None)
    if head is None:
        raise TableError(f"{name}: 表が空です / the table is empty")
    places = _places(grid[head], name)
    rows = []
    for number, cells in enumerate(grid[head + 1 :], head + 2):
        if not any(cell.strip() for cell in cells):
            continue
        values = {key: cells[at].strip() if at < len(cells) else "" for key, at in places.items()}
        if not values["order"].isascii() or not values["order"].isdigit():
            raise TableError(f"{name}:{number}: 順番 {values['order']!r} は整数で書きます / order must be a number")
        rows.append(Row(number, int(values["order"]), values))
    orders = [row.order for row in rows]
    for row in rows:
        if orders.count(row.order) > 1:
            raise TableError(f"{name}:{row.line}: 順番 {row.order} が二度あります / the order stands twice")
    return rows


def _text(data: bytes, name: str) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableError(f"{name}: UTF-8 でも CP932 でもありません / neither UTF-8 nor CP932")


def _places(heading: list[str], name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for at, cell in enumerate(heading):
        for key, words in COLUMNS.items():
            if cell.strip().lower() in words:
                found[key] = at
    missing = [f"{key}（{COLUMNS[key][1]}）" for key in REQUIRED if key not in found]
    if missing:
        raise TableError(f"{name}:1: 列 {', '.join(missing)} がありません / columns are missing")
    return found


def _compile(row: Row, name: str) -> list[str]:
    place = f"{name}:{row.line}"
    value = row.values
    action = ACTIONS.get(value["action"].lower())
    if action is None:
        raise TableError(f"{place}: 動作 {value['action']!r} は {'・'.join(ACTIONS)} のいずれかです / unknown action")
    protocol = value["proto"].lower()
    protocol = "any" if protocol in ANY else protocol
    if protocol not in PROTOCOLS:
        raise TableError(
            f"{place}: プロトコル {protocol!r} は tcp・udp・icmp・icmpv6・any のいずれかです / unknown protocol"
        )
    parts = []
    for key, word in (("in", "iifname"), ("out", "oifname")):
        if value.get(key, "").lower() not in ANY:
            parts.append(f'{word} "{value[key]}"')
    match = " ".join(parts)
    state = value.get("state", "").lower()
    states = [one for one in re.split(r"[\s,/・]+", state) if one not in ANY]
    if set(states) - STATES:
        raise TableError(f"{place}: 状態 {state!r} は {'・'.join(sorted(STATES))} です / unknown state")
    tail = f" ct state {{ {', '.join(states)} }}" if states else ""
    comment = re.sub(r'["\\]', "", value.get("comment", "")) or f"row {row.order}"
    lines = []
    for family, addresses in _families(value["src"], value["dst"], place):
        for service in _services(protocol, value["ports"], place):
            lines.append(
                " ".join(one for one in (match, family, *addresses, service) if one)
                + f'{tail} counter {action} comment "{comment[:100]}"'
            )
    return lines


def _families(source: str, destination: str, place: str) -> list[tuple[str, list[str]]]:
    src, dst = _addresses(source, place), _addresses(destination, place)
    if not src and not dst:
        return [("", [])]
    found = []
    for version, word in ((4, "ip"), (6, "ip6")):
        mine = [[a for a in side if a.version == version] for side in (src, dst)]
        if (src and not mine[0]) or (dst and not mine[1]):
            continue
        parts = [
            f"{word} {end} {{ {', '.join(str(a) for a in addresses)} }}"
            for end, addresses in (("saddr", mine[0]), ("daddr", mine[1]))
            if addresses
        ]
        found.append(("", parts))
    if not found:
        raise TableError(f"{place}: 送信元と宛先の IPv4/IPv6 が合いません / source and destination families differ")
    return found


def _addresses(text: str, place: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    found = []
    for one in re.split(r"[\s,、;]+", text.strip()):
        if one.lower() in ANY:
            continue
        try:
            found.append(ipaddress.ip_network(one, strict=False))
        except ValueError:
            raise TableError(
                f"{place}: {one!r} は IPアドレスでも範囲でもありません / neither address nor prefix"
            ) from None
    return found


def _services(protocol: str, ports: str, place: str) -> list[str]:
    wanted = [one for one in re.split(r"[\s,、;]+", ports.strip()) if one.lower() not in ANY]
    for one in wanted:
        low, _, high = one.partition("-")
        if not all(p.isascii() and p.isdigit() and 0 < int(p) < 65536 for p in (low, high or low)):
            raise TableError(f"{place}: ポート {one!r} は 1〜65535 か 範囲（1024-2048）です / not a port or range")
    match protocol:
        case "tcp" | "udp":
            return [f"{protocol} dport {{ {', '.join(wanted)} }}" if wanted else f"meta l4proto {protocol}"]
        case "icmp":
            return ["meta l4proto icmp"]
        case "icmpv6":
            return ["meta l4proto ipv6-icmp"]
    if wanted:
        raise TableError(f"{place}: ポートを書くときはプロトコルも書きます / a port needs a protocol")
    return [""]
