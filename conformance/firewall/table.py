"""The neutral rule table that an appliance vendor can export: CSV, TSV or XLSX, compiled to nft text.

Columns (Japanese or English headings, any order): 順番/order, 入力/in, 出力/out, 送信元/src, 宛先/dst, プロトコル/proto,
送信元ポート/sport, ポート/ports, 状態/state, 動作/action, 有効/enabled, 備考/comment. Empty or ``any`` means any. Rules are
taken in the order of 順番. A column that is not known is refused when something stands in it: it might change a rule's meaning.
An appliance keeps state and refuses what no row permits, to and from itself too; both are written into the compiled ruleset.
"""

from __future__ import annotations

import codecs
import csv
import io
import ipaddress
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.firewall.include import line_mark
from conformance.firewall.xlsx import XlsxError, read_sheets

COLUMNS: dict[str, tuple[str, ...]] = {
    "order": ("order", "順番", "順序", "項番", "番号", "優先順位", "no", "no.", "#", "seq", "priority"),
    "in": ("in", "入力", "入力インタフェース", "入力インターフェース", "入力if", "送信元ゾーン", "iif", "srcintf", "from"),
    "out": ("out", "出力", "出力インタフェース", "出力インターフェース", "出力if", "宛先ゾーン", "oif", "dstintf", "to"),
    "src": ("src", "送信元", "送信元アドレス", "送信元ip", "送信元ipアドレス", "source", "srcaddr", "sourceaddress"),
    "dst": (
        "dst", "宛先", "送信先", "宛先アドレス", "送信先アドレス", "宛先ip", "宛先ipアドレス", "destination", "dstaddr",
        "destinationaddress",
    ),
    "proto": ("proto", "プロトコル", "protocol"),
    "sport": ("sport", "送信元ポート", "送信元ポート番号", "sourceport", "srcport"),
    "ports": (
        "ports", "ポート", "ポート番号", "宛先ポート", "宛先ポート番号", "サービス", "port", "dport", "dstport", "service",
        "destinationport",
    ),
    "state": ("state", "状態"),
    "action": ("action", "動作", "通信制御", "アクション", "処理", "許可/拒否", "可否"),
    "enabled": ("enabled", "有効", "有効/無効", "有効無効", "status"),
    "comment": ("comment", "備考", "説明", "コメント", "ルール名", "名称", "name", "description", "note"),
}  # fmt: skip
HARMLESS = (
    "id", "担当", "担当者", "作成者", "作成日", "更新日", "更新者", "申請番号", "承認者", "ログ", "log", "hit", "hits",
    "ヒット数", "用途", "目的", "owner", "created", "updated", "ログ取得", "ログ出力", "logging", "uuid", "タグ", "tags",
)  # fmt: skip
"""Columns that say nothing about what a rule does."""
UNRESTRICTED: dict[tuple[str, ...], tuple[str, ...]] = {
    ("schedule", "スケジュール", "時間帯", "時間", "適用時間", "適用期間"): ("always", "常時", "24時間", "終日", "無期限"),
    ("nat", "アドレス変換", "nat変換"): ("disable", "disabled", "無効", "無し", "なし", "無", "no", "off"),
    ("user", "ユーザ", "ユーザー", "users", "groups", "application", "アプリケーション", "profile"): (),
}  # fmt: skip
"""Columns that would restrict or change a rule, and what in them (besides *any*) says that they do not."""
REQUIRED = ("order", "src", "dst", "ports", "action")
MOST_TITLE_ROWS = 20
ACTIONS = {
    "permit": "accept",
    "allow": "accept",
    "accept": "accept",
    "pass": "accept",
    "許可": "accept",
    "通過": "accept",
    "○": "accept",
    "deny": "drop",
    "drop": "drop",
    "block": "drop",
    "discard": "drop",
    "拒否": "drop",
    "遮断": "drop",
    "破棄": "drop",
    "不許可": "drop",
    "×": "drop",
    "reject": "reject",
}
SWITCH = {
    **dict.fromkeys(("", "有効", "enabled", "enable", "on", "yes", "true", "1", "○"), True),
    **dict.fromkeys(("無効", "disabled", "disable", "off", "no", "false", "0", "×"), False),
}
NUMBERED = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "ipv6-icmp": "icmpv6", "icmp6": "icmpv6", "ip": "any"}
SERVICES = {"http": "80", "https": "443", "dns": "53", "domain": "53", "ssh": "22", "ntp": "123", "snmp": "161"}
STATES = {"new", "established", "related", "invalid"}
PROTOCOLS = {"tcp", "udp", "icmp", "icmpv6"}
ANY = {"", "any", "all", "すべて", "全て", "全", "指定なし", "*", "-"}
NEGATION = re.compile(r"^[!^]|^(not|except)\b|以外|除く")
_ADDRESS = re.compile(r"アドレス|ip|addr")
OF_FIREWALL = {"boundary": ("境界", "boundary"), "lgwan": ("lgwan",)}
"""How the sheet of a firewall is named in a workbook that holds those of several."""


class TableError(ValueError):
    """A row cannot be used; ``str()`` names the row and what to write."""


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Row:
    line: int
    order: int
    values: dict[str, str]


def is_table(text: str) -> bool:
    """Whether a text without a telling file name is a rule table: one of its first lines is the heading."""
    try:
        grid = _grid_of_text("\n".join(text.splitlines()[:MOST_TITLE_ROWS]))
    except csv.Error:
        return False
    return any(not _missing(row) for row in grid)


def text_of(data: bytes) -> str:
    """The text of a table: UTF-8, UTF-16 with its mark, or CP932. Raises UnicodeDecodeError."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp932")


def compile_table(data: bytes, name: str, firewall: str, objects: Mapping[str, str] | None = None) -> str:
    """nft text of a table in CSV (UTF-8, UTF-16 or CP932) or XLSX. Raises TableError naming file, row and fix.

    ``objects``: what an address object of the appliance (its name) stands for.
    """
    rows = sorted(_read(data, name, firewall), key=lambda one: one.order)
    known = {_plain(one).lower(): address for one, address in (objects or {}).items() if not _is_address(one)}
    rules: list[str] = []
    for row in rows:
        rules += [one for rule in _compile(row, name, known) for one in (line_mark(row.line), f"    {rule}")]
    body = "\n".join(rules)
    neighbours = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept"
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
    {neighbours}
  }}

  chain output {{
    type filter hook output priority filter; policy drop;
    {neighbours}
    ct state related icmp type destination-unreachable accept
    ct state related icmpv6 type {{ destination-unreachable, packet-too-big }} accept
  }}
}}
"""


def _read(data: bytes, name: str, firewall: str) -> list[Row]:
    if data.startswith(b"PK"):
        grid = _grid_of_workbook(data, name, firewall)
    else:
        try:
            grid = _grid_of_text(text_of(data))
        except csv.Error as error:
            raise TableError(f"{name}: CSV として読めません / not readable as CSV: {error}") from None
        except UnicodeDecodeError:
            raise TableError(
                f"{name}: UTF-8 でも UTF-16（BOM付き）でも CP932 でもありません。UTF-8 で保存し直してください"
                " / neither UTF-8 nor UTF-16 nor CP932: save it as UTF-8"
            ) from None
    filled = [n for n, row in enumerate(grid) if any(cell.strip() for cell in row)]
    if not filled:
        raise TableError(f"{name}: 表が空です / the table is empty")
    head = next((n for n in filled[:MOST_TITLE_ROWS] if not _missing(grid[n])), filled[0])
    places = _places(grid[head], f"{name}:{head + 1}")
    rows = []
    for number, cells in enumerate(grid[head + 1 :], head + 2):
        if not any(cell.strip() for cell in cells):
            continue
        _only_known(grid[head], cells, f"{name}:{number}")
        values = {key: _plain(cells[at]) if at < len(cells) else "" for key, at in places.items()}
        if not values["order"].isascii() or not values["order"].isdigit():
            raise TableError(f"{name}:{number}: 順番 {values['order']!r} は整数で書きます / order must be a number")
        switch = SWITCH.get(values.get("enabled", "").lower())
        if switch is None:
            raise TableError(
                f"{name}:{number}: 有効 {values['enabled']!r} は 有効・無効 のどちらかです / enabled or disabled"
            )
        if switch:
            rows.append(Row(number, int(values["order"]), values))
    orders = [row.order for row in rows]
    for row in rows:
        if orders.count(row.order) > 1:
            raise TableError(f"{name}:{row.line}: 順番 {row.order} が二度あります / the order stands twice")
    return rows


def _grid_of_text(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))


def _grid_of_workbook(data: bytes, name: str, firewall: str) -> list[list[str]]:
    """The sheet that holds the rules: the one with the heading; of several, the one that names the firewall."""
    try:
        sheets = read_sheets(data, as_seen=True)
    except XlsxError as error:
        raise TableError(f"{name}: {error}") from None
    found = {title: grid for title, grid in sheets.items() if any(not _missing(row) for row in grid[:MOST_TITLE_ROWS])}
    mine = {
        title: grid
        for title, grid in found.items()
        if any(word in _plain(title).lower() for word in OF_FIREWALL.get(firewall, ()))
    }
    chosen = mine if len(found) > 1 else found
    if len(found) > 1 and len(mine) != 1:
        raise TableError(
            f"{name}: 規則の表が {len(found)} 枚あり（{'、'.join(found)}）、どれか分かりません。一枚だけのファイルにするか、シートの名に"
            f" {OF_FIREWALL[firewall][0]} を入れてください / several sheets hold rules: name one after the firewall"
        )
    return next(iter(chosen.values()), next(iter(sheets.values()), []))


def _plain(cell: str) -> str:
    """The cell without the differences of width that Japanese input brings."""
    return unicodedata.normalize("NFKC", cell).replace("〇", "○").replace("✕", "×").replace("~", "-").strip()


def _delimiter(text: str) -> str:
    line = next((one for one in text.splitlines() if one.strip()), "")
    return max(",\t;", key=line.count)


def _heading(cell: str) -> str:
    return re.sub(r"\s+", "", _plain(cell).lower())


def _key(cell: str) -> str:
    """The key of a heading, "" when it is none of ours."""
    return next((key for key, words in COLUMNS.items() if _heading(cell) in words), "")


def _missing(heading: list[str]) -> list[str]:
    found = {_key(cell) for cell in heading}
    return [f"{key}（{COLUMNS[key][1]}）" for key in REQUIRED if key not in found]


def _only_known(heading: list[str], cells: list[str], place: str) -> None:
    for at, cell in enumerate(cells):
        word = heading[at].strip() if at < len(heading) else ""
        if cell.strip() and not _key(word) and _heading(word) not in HARMLESS and not _unrestricted(word, cell):
            raise TableError(
                f"{place}: 列 {word or at + 1}（{cell.strip()[:20]}）の意味が分かりません。規則に関わらない列なら消してください"
                f" / the meaning of column {word or at + 1} is not known: remove it if it says nothing about the rule"
            )


def _unrestricted(word: str, cell: str) -> bool:
    plain = _plain(cell).lower()
    return any(_heading(word) in words and plain in (*values, *ANY) for words, values in UNRESTRICTED.items())


def _places(heading: list[str], place: str) -> dict[str, int]:
    missing = _missing(heading)
    if missing:
        raise TableError(f"{place}: 列 {', '.join(missing)} がありません / columns are missing")
    found: dict[str, int] = {}
    for at, cell in enumerate(heading):
        key = _key(cell)
        if key and key not in found:
            found[key] = at
            continue
        if not key or key == "comment":  # a rule may have a name and a remark
            continue
        before, now = (
            key in ("src", "dst") and bool(_ADDRESS.search(_heading(one))) for one in (heading[found[key]], cell)
        )
        if before == now:
            raise TableError(
                f"{place}: 列 {heading[found[key]].strip()} と {cell.strip()} は同じ意味です。一つにしてください / two columns mean the same"
            )
        if now:  # a name and its address side by side: the address is what counts
            found[key] = at
    return found


def _compile(row: Row, name: str, objects: Mapping[str, str]) -> list[str]:
    place = f"{name}:{row.line}"
    value = row.values
    action = ACTIONS.get(value["action"].lower())
    if action is None:
        raise TableError(f"{place}: 動作 {value['action']!r} は {'・'.join(ACTIONS)} のいずれかです / unknown action")
    parts = []
    for key, word in (("in", "iifname"), ("out", "oifname")):
        if value.get(key, "").lower() not in ANY:
            parts.append(f'{word} "{value[key]}"')
    match = " ".join(parts)
    state = value.get("state", "").lower()
    states = [one for one in re.split(r"[\s,/・]+", state) if one not in ANY]
    if set(states) - STATES:
        raise TableError(
            f"{place}: 状態 {state!r} は {'・'.join(sorted(STATES))} です。規則の有効・無効なら、見出しを「有効」にしてください / unknown state"
        )
    tail = f" ct state {{ {', '.join(states)} }}" if states else ""
    comment = re.sub(r'["\\]', "", value.get("comment", "")) or f"row {row.order}"
    lines = []
    for family, addresses in _families(value["src"], value["dst"], place, objects):
        for service in _services(value, place):
            lines.append(
                " ".join(one for one in (match, family, *addresses, service) if one)
                + f'{tail} counter {action} comment "{comment[:100]}"'
            )
    return lines


def _families(source: str, destination: str, place: str, objects: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    src, dst = _addresses(source, place, objects), _addresses(destination, place, objects)
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


def _addresses(text: str, place: str, objects: Mapping[str, str]) -> list[Network]:
    found: list[Network] = []
    if NEGATION.search(text.strip().lower()):
        raise TableError(
            f"{place}: {text.strip()!r}: 否定（!・以外）は使えません。許可・拒否する範囲を書き並べてください / negation is not possible: list the ranges"
        )
    for word in re.split(r"[\s,、;]+", text.strip()):
        if word.lower() in ANY:
            continue
        for one in objects.get(word.lower(), word).split():
            try:
                found += _networks(one)
            except (ValueError, TypeError):
                raise TableError(
                    f"{place}: {one!r} は IPアドレスでも範囲でもありません。機器のオブジェクト名なら、方針の address_map にアドレスを書いてください"
                    " / neither address nor prefix: an object of the appliance belongs into address_map"
                ) from None
    return found


def _is_address(text: str) -> bool:
    try:
        return bool(list(_networks(text)))
    except (ValueError, TypeError):
        return False


def _networks(text: str) -> Iterator[Network]:
    first, _, last = text.partition("-")
    if last:
        yield from ipaddress.summarize_address_range(ipaddress.ip_address(first), ipaddress.ip_address(last))
    else:
        yield ipaddress.ip_network(text, strict=False)


def _services(value: dict[str, str], place: str) -> list[str]:
    """The words of the protocol and its ports, one rule for each."""
    written = re.split(r"[\s,、;/・]+", value.get("proto", "").lower())
    named = [one for one in (NUMBERED.get(word, word) for word in written) if one not in ANY]
    for one in named:
        if one not in PROTOCOLS:
            raise TableError(
                f"{place}: プロトコル {one!r} は tcp・udp・icmp・icmpv6・any のいずれかです / unknown protocol"
            )
    sources = [port for _, port in _ports(value.get("sport", ""), place)]
    wanted = list(_ports(value["ports"], place))
    if (sources or any(not protocol for protocol, _ in wanted)) and not {"tcp", "udp"} & set(named):
        raise TableError(f"{place}: ポートを書くときはプロトコルも書きます / a port needs a protocol")
    asked = list(dict.fromkeys([*named, *(protocol for protocol, _ in wanted if protocol)]))
    found = []
    for protocol in asked:
        ports = [port for only, port in wanted if only in ("", protocol)]
        if protocol not in ("tcp", "udp"):
            found.append(f"meta l4proto {'icmp' if protocol == 'icmp' else 'ipv6-icmp'}")
        elif ports or not wanted:
            words = [f"{protocol} sport {{ {', '.join(sources)} }}"] if sources else []
            words += [f"{protocol} dport {{ {', '.join(ports)} }}"] if ports else []
            found.append(" ".join(words) or f"meta l4proto {protocol}")
    return found or [""]


def _ports(text: str, place: str) -> Iterator[tuple[str, str]]:
    """(protocol or "", port or range) of every port that is written: ``443``, ``1024-2048``, ``443/tcp``, ``tcp/443``, ``https``."""
    for one in re.split(r"[\s,、;]+", text.strip().lower()):
        if one in ANY:
            continue
        split = re.fullmatch(r"(?:(tcp|udp)[/:_-])?(.+?)(?:[/:](tcp|udp))?", one)
        assert split is not None  # noqa: S101 — every text fits
        protocol, port = split[1] or split[3] or "", split[2]
        port = SERVICES.get(port, port)
        low, _, high = port.partition("-")
        good = all(p.isascii() and p.isdigit() and int(p) < 65536 for p in (low, high or low)) and port != "0"
        if not good or (split[1] and split[3]):
            raise TableError(f"{place}: ポート {one!r} は 1〜65535 か 範囲（1024-2048）です / not a port or range")
        yield protocol, port
