"""通信制御設定表 and the change request for the operator of the LGWAN-FW, as one XLSX written from the policy (図表12, 13)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from conformance.firewall.matrix import load_cases
from interface_spec.policy import Family, FirewallName, Flow, Policy

HEAD = (
    "順番",
    "送信元",
    "送信元アドレス",
    "送信先",
    "送信先アドレス",
    "プロトコル",
    "ポート",
    "通信制御",
    "根拠",
    "要件",
    "区分",
)
WIDTHS = (5, 24, 17, 24, 17, 10, 7, 9, 27, 11, 14)
NOTE_WIDTHS = (16, 70, 44)
FONT_POINTS, LINE_POINTS = 9, 13
A4 = 9
DENIED_ROWS = (
    ("am", "download", "5章①-1 図表12、6章6.2(1)アB", "FW-1.1-07"),
    ("relay", "other-lgwan", "5章①-2 図表13", "FW-1.2-05"),
)
BLANKS = (
    ("依頼先", "LGWAN-FW の運用者"),
    ("依頼者", "団体名、担当、連絡先"),
    ("依頼日", ""),
    ("希望日", "切替えの日時と、戻すときの条件"),
)
DONE = (("実施者", "運用者が記入"), ("実施日", "運用者が記入"), ("確認", "依頼者が記入（確かめた方法と結果）"))
NOT_OF_THE_SOURCE = "宣言（手順書に行は無い）"
OF_THE_SOURCE = "手順書の行"
FAMILIES: tuple[Family, ...] = ("v4", "v6")
Rows = list[tuple[str, ...]]


def sheets(policy: Policy) -> dict[str, Rows]:
    """The workbook's sheets as rows of texts; the first row of each is its heading."""
    return {
        "境界FW 通信制御設定表": _table(policy, "boundary"),
        "LGWAN-FW 通信制御設定表": _table(policy, "lgwan"),
        "LGWAN-FW 変更依頼": _request(policy),
        "前提と宣言": _declarations(policy),
        "試験の事例": [("番号", "通信", "英語 / English"), *((one.id, one.ja, one.en) for one in load_cases())],
    }


def write_sheet(policy: Policy, path: Path) -> None:
    """Writes the workbook, each sheet fit for A4 landscape. OSError when it cannot be written. No text becomes a formula."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        plain = {"font_size": FONT_POINTS, "border": 1, "text_wrap": True, "valign": "top"}
        head = book.add_format({**plain, "bold": True, "bg_color": "#E8F1FE"})
        cell = book.add_format(plain)
        marked = {
            "許可": book.add_format({**plain, "bold": True, "bg_color": "#E3F5EA"}),
            "拒否": book.add_format({**plain, "bold": True, "bg_color": "#F1F1F4"}),
        }
        for name, rows in sheets(policy).items():
            page = book.add_worksheet(name)
            widths = WIDTHS if len(rows[0]) == len(HEAD) else NOTE_WIDTHS
            _for_paper(page, name, policy)
            for number, width in enumerate(widths):
                page.set_column(number, number, width)
            for r, row in enumerate(rows):
                page.set_row(r, LINE_POINTS * _lines(row, widths) + 3)
                for c, text in enumerate(row):
                    page.write_string(r, c, text, marked.get(text, cell) if r else head)


def _for_paper(page: Worksheet, name: str, policy: Policy) -> None:
    page.freeze_panes(1, 0)
    page.repeat_rows(0)
    page.set_paper(A4)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.set_margins(left=0.4, right=0.4, top=0.8, bottom=0.6)
    page.set_header(f"&L&14{name}&R&9{policy.ja}")
    page.set_footer("&L&8自治体の行政手続のオンライン化に係る手順書 1.0 による&R&8&P / &N")


def _lines(row: Sequence[str], widths: Sequence[int]) -> int:
    """Lines that the fullest cell of a row takes: a Japanese character is two columns wide."""
    found = 1
    for text, width in zip(row, widths, strict=True):
        lines = [sum(2 if ord(one) > 0x2000 else 1 for one in part) for part in text.split("\n")]
        found = max(found, sum(max(1, -(-size // (width - 1))) for size in lines))
    return found


def _table(policy: Policy, firewall: FirewallName) -> Rows:
    rows: Rows = [HEAD]
    for flow in policy.all_flows:
        if firewall in _crossing(policy, flow.source, flow.destination):
            for protocol in flow.protocol:
                rows.append(_row(policy, len(rows), flow, protocol))
    for source, destination, clause, requirement in _denied(policy, firewall):
        ends = (*_end(policy, source), *_end(policy, destination))
        rows.append((str(len(rows)), *ends, "すべて", "すべて", "拒否", clause, requirement, OF_THE_SOURCE))
    rows.append(
        (str(len(rows)), "すべて", "すべて", "すべて", "すべて", "すべて", "すべて", "拒否",
         "5章①-1（特定通信以外の通信は遮断する）", "FW-1.1-04", OF_THE_SOURCE)
    )  # fmt: skip
    return rows


def _row(policy: Policy, number: int, flow: Flow, protocol: str) -> tuple[str, ...]:
    kind = NOT_OF_THE_SOURCE if flow.implied else OF_THE_SOURCE
    ends = (*_end(policy, flow.source), *_end(policy, flow.destination))
    return (str(number), *ends, protocol, str(flow.port), "許可", flow.clause, flow.requirement, kind)


def _end(policy: Policy, name: str) -> tuple[str, str]:
    """Name and addresses of one end, one address a line."""
    host = policy.host[name]
    shown = [host.address(family) if family in policy.families else f"（{family} は使わない）" for family in FAMILIES]
    return f"{host.ja}\n（{policy.zone[host.zone].ja}）", "\n".join(shown)


def _crossing(policy: Policy, source: str, destination: str) -> Sequence[FirewallName]:
    return policy.crossing(policy.host[source].zone, policy.host[destination].zone) or ()


def _denied(policy: Policy, firewall: FirewallName) -> Iterator[tuple[str, str, str, str]]:
    """The denied rows that 図表12 and 13 name, where they cross this firewall."""
    for source_role, destination_role, clause, requirement in DENIED_ROWS:
        own = "boundary" if source_role == "am" else "lgwan"
        for source in [name for name, one in policy.host.items() if one.role == source_role]:
            for destination in [name for name, one in policy.host.items() if one.role == destination_role]:
                if own == firewall and firewall in _crossing(policy, source, destination):
                    yield source, destination, clause, requirement


def _request(policy: Policy) -> Rows:
    """What the operator of the LGWAN connection point is asked to set, in words."""
    legs = policy.firewall["lgwan"].leg
    flows = [one for one in policy.all_flows if "lgwan" in _crossing(policy, one.source, one.destination)]
    rows: Rows = [("項目", "依頼の内容", "補足")]
    rows += [(name, "", note) for name, note in BLANKS]
    rows.append(("目的", "マイナポータルの申請データを連携サーバが取得するための設定変更（手順書 5章①-2、図表13）", ""))
    for number, flow in enumerate(flows, 1):
        source, destination = (_end(policy, name)[1].replace("\n", "、") for name in (flow.source, flow.destination))
        what = f"{flow.ja}: {'/'.join(flow.protocol)} {flow.port}\n{source} → {destination}"
        rows.append((f"許可 {number}", what, NOT_OF_THE_SOURCE if flow.implied else OF_THE_SOURCE))
    rows.append(("FQDN", policy.service.fqdn, "FQDN で指定できる機器では、これを宛先とする"))
    rows.append(
        (
            "制限",
            "連携サーバからほかのLGWANサイトへの接続、ほかの機器からの接続はすべて拒否する",
            "図表13。FQDN の指定でもほかの方法でもよい",
        )
    )
    rows.append(
        (
            "戻り",
            "許可した通信の応答と、「大きすぎる」の通知（ICMP 3/4、ICMPv6 2）は戻す",
            "止めると、大きな申請データだけが届かなくなる",
        )
    )
    rows.append(("無通信の時間", "許可した接続は、やりとりが無くても五分は保つ", "短いと、待っている間に接続が切れる"))
    rows += [
        ("ポート", f"{policy.zone[zone].ja} 側: {leg.interface}（{leg.v4}, {leg.v6}）", "6章6.2(1)イA")
        for zone, leg in legs.items()
    ]
    rows.append(("管理の口", "LGWAN-FW 自身の管理の口には、DMZ とマイナンバー利用事務系から届かないこと", ""))
    rows += [(name, "", note) for name, note in DONE]
    return rows


def _declarations(policy: Policy) -> Rows:
    rows: Rows = [("項目", "宣言", "補足")]
    rows.append(("構成", policy.topology, "T1 三本脚 / T2 挟み込み。手順書は図で示し、本文では決めていない"))
    rows.append(("アドレスの版", ", ".join(policy.families), "ほかの版はすべて拒否"))
    rows.append(("向き", policy.direction, "手順書 3.2 は片方向"))
    rows.append(("補助金", "使う" if policy.subsidy else "使わない", "使うときは 6.2(1) の推奨の行が必須になる"))
    rows.append(
        ("ポート", f"{policy.service.port}/tcp、プロキシ {policy.service.proxy_port}/tcp", "手順書にポートの記載は無い")
    )
    rows += [
        ("範囲外", f"{policy.zone[one.source_zone].ja} → {policy.zone[one.destination_zone].ja}", one.ja)
        for one in policy.exclusion
    ]
    return rows
