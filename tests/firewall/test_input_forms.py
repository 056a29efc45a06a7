"""Forms in which rules arrive: includes, sets of ipset, odd tables, names in maps and rewritings, translated addresses."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from conformance.firewall.include import IncludeError, expanded, origin
from conformance.firewall.ipset import IpsetError, is_ipset, read_sets, written_out
from conformance.firewall.names import check_names
from conformance.firewall.rules import RulesError, kind_of, load, make_rules, read_rules
from conformance.firewall.table import TableError, compile_table
from conformance.firewall.translation import translation
from interface_spec.errors import SpecError
from interface_spec.policy import parse_policy
from tests.firewall.data import BASELINE, baseline

ROWS = """番号,宛先,送信元,サービス,プロトコル,許可/拒否,備考
1,192.0.2.10,172.16.50.10,8080,tcp,許可,K2b
"""
SETS = """create web hash:ip family inet hashsize 1024 maxelem 65536
add web 198.51.100.10
add web 198.51.100.11
create svc hash:ip,port family inet
add svc 198.51.100.53,udp:53
add svc 198.51.100.53,tcp:53
create none hash:net family inet
"""


# ── include ──


def test_an_include_is_read_beside_its_file_and_lines_keep_their_names(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.nft").write_text("define A = 1\r\ndefine B = 2\r\n", encoding="utf-8")
    main = tmp_path / "main.nft"
    main.write_text('flush ruleset\ninclude "/etc/nftables/d/a.nft"\ninclude "d/*.none"\nlast\n', encoding="utf-8")
    (tmp_path / "a.nft").write_text("define A = 1\ndefine B = 2\n", encoding="utf-8")
    text = expanded(main.read_text(encoding="utf-8"), main)
    lines = text.splitlines()
    places = {line: origin("main.nft", text, number) for number, line in enumerate(lines, 1)}
    assert places["flush ruleset"] == "main.nft:1"
    assert places["define B = 2"] == "a.nft:2"
    assert places["last"] == "main.nft:4"


@pytest.mark.parametrize(
    ("name", "words"), [("gone.nft", "同じフォルダー"), ("main.nft", "自分自身"), ("../up.nft", "同じフォルダー")]
)
def test_an_include_that_cannot_be_is_one_sentence(tmp_path: Path, name: str, words: str) -> None:
    main = tmp_path / "sub" / "main.nft"
    main.parent.mkdir()
    (tmp_path / "up.nft").write_text("x\n", encoding="utf-8")
    main.write_text(f'first\ninclude "{name}"\n', encoding="utf-8")
    with pytest.raises(IncludeError) as caught:
        expanded(main.read_text(encoding="utf-8"), main)
    assert str(caught.value).startswith("main.nft:2: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(RulesError, match=words):
        read_rules("boundary", [main], baseline())


def test_a_line_that_does_not_load_is_named_by_the_included_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in.nft").write_text("good\nbad\n", encoding="utf-8")
    (tmp_path / "m.nft").write_text('include "in.nft"\n', encoding="utf-8")
    rules = read_rules("boundary", [tmp_path / "m.nft"], baseline())
    wrong = rules.transactions[0].splitlines().index("bad") + 1

    def refuse(*_: object) -> str:
        raise RulesError(f"/dev/stdin:{wrong}:1-3: Error: syntax error")

    monkeypatch.setattr("conformance.firewall.rules.nft", refuse)
    with pytest.raises(RulesError, match=r"^in\.nft:2: "):
        load(rules, [])


def test_windows_line_ends_are_no_fault() -> None:
    assert make_rules("boundary", [("a.nft", b"\xef\xbb\xbfa\r\nb\r\n")], baseline()).transactions == ("a\nb\n",)


# ── ipset ──


def plain(rules: str, sets: str, version: int = 4) -> list[str]:
    """The written-out rules without the marks of their lines."""
    return [
        line for line in written_out(rules, read_sets(sets, "s"), "r", version).splitlines() if line and "#" not in line
    ]


def test_a_rule_that_asks_a_set_becomes_one_rule_an_element() -> None:
    assert is_ipset(SETS)
    assert not is_ipset("add element inet f s { 1.2.3.4 }\n")
    assert kind_of(SETS.encode(), "ipset.conf") == "ipset"
    rules = "-A F -m set --match-set web dst -p tcp -j ACCEPT\n-A F -p udp -m set --match-set svc dst,dst -j ACCEPT\n-A F -m set --match-set none src -j ACCEPT\n"
    assert plain(rules, SETS) == [
        "-A F -p tcp -d 198.51.100.10 -j ACCEPT",
        "-A F -p tcp -d 198.51.100.11 -j ACCEPT",
        "-A F -p udp -d 198.51.100.53 -m multiport --dports 53 -j ACCEPT",
    ]
    both = plain("-A F -m set --match-set svc dst,dst -j ACCEPT", SETS)
    assert [line.split()[3] for line in both] == ["udp", "tcp"]
    assert plain('[1:2] -A F -m comment --comment "a -m set --match-set web dst" -j DROP', SETS)[0].endswith("-j DROP")


@pytest.mark.parametrize(
    ("sets", "match", "expected"),
    [
        ("create s hash:ip family inet\nadd s 10.0.0.1\n", "-s 10.0.0.0/8", ["-s 10.0.0.0/8 -m iprange --src-range 10.0.0.1-10.0.0.1"]),
        ("create s hash:ip family inet\nadd s 2001:db8::1\nadd s 10.0.0.1\n", "", ["-s 10.0.0.1"]),
        ("create s hash:ip netmask 24\nadd s 10.0.1.0 timeout 60\n", "", ["-s 10.0.1.0/24"]),
        ("create s bitmap:ip range 10.0.0.0/24\nadd s 10.0.0.1-10.0.0.3\n", "", ["-m iprange --src-range 10.0.0.1-10.0.0.3"]),
        ("create s bitmap:port range 0-99\nadd s 53\n", "", ["-p tcp -m multiport --sports 53", "-p udp -m multiport --sports 53"]),
        ("create s bitmap:port range 0-99\nadd s 53\n", "-p 17", ["-p 17 -m multiport --sports 53"]),
        ("create s hash:mac\nadd s 00:11:22:33:44:55\n", "", ["-m mac --mac-source 00:11:22:33:44:55"]),
        ("create a hash:ip\nadd a 10.0.0.1\ncreate b hash:net\nadd b 10.2.0.0/16\ncreate s list:set size 8\nadd s a\nadd s b\n", "", ["-s 10.0.0.1", "-s 10.2.0.0/16"]),
    ],
    ids=["beside-an-address", "other-family", "netmask", "bitmap-ip", "bitmap-port", "its-protocol", "mac", "list"],
)  # fmt: skip
def test_sets_of_each_kind_are_written_out(sets: str, match: str, expected: list[str]) -> None:
    written = plain(f"-A F {match} -m set --match-set s src -j ACCEPT", sets)
    assert written == [f"-A F {one} -j ACCEPT" for one in expected]


@pytest.mark.parametrize(
    ("kind", "element", "sides", "match", "expected"),
    [
        ("hash:ip,port,ip", "10.0.0.1,tcp:80,10.0.0.2", "src,dst,dst", "", ["-p tcp -m multiport --dports 80 -s 10.0.0.1 -d 10.0.0.2"]),
        ("hash:net,net", "10.1.0.0/16,10.2.0.0/16", "src,dst", "", ["-s 10.1.0.0/16 -d 10.2.0.0/16"]),
        ("hash:net,iface", "10.1.0.0/16,eth0", "src,src", "", ["-s 10.1.0.0/16 -i eth0"]),
        ("hash:net,iface", "10.1.0.0/16,eth0", "src,dst", "-o eth0", ["-o eth0 -s 10.1.0.0/16"]),
        ("hash:net,iface", "10.1.0.0/16,eth0", "src,dst", "-o eth1", []),
        ("hash:ip,port", "10.0.0.1,icmp:echo-request", "dst,dst", "", ["-p icmp -m icmp --icmp-type echo-request -d 10.0.0.1"]),
        ("hash:ip,port", "10.0.0.1,gre:0", "dst,dst", "", ["-p gre -d 10.0.0.1"]),
        ("hash:ip,mark", "10.0.0.1,0x5", "src,src", "", ["-s 10.0.0.1 -m mark --mark 0x5"]),
    ],
)  # fmt: skip
def test_the_parts_of_an_element_are_asked_in_their_directions(
    kind: str, element: str, sides: str, match: str, expected: list[str]
) -> None:
    rule = f"-A F {match} -m set --match-set s {sides} -j DROP"
    assert plain(rule, f"create s {kind}\nadd s {element}\n") == [f"-A F {one} -j DROP" for one in expected]


def test_a_negated_set_becomes_a_chain_that_its_elements_leave() -> None:
    assert plain("-A F -i a -m set ! --match-set web src -j REJECT --reject-with icmp-port-unreachable", SETS) == [
        ":SHINSEI-SET-1 - [0:0]",
        "-A F -i a -j SHINSEI-SET-1",
        "-A SHINSEI-SET-1 -s 198.51.100.10 -j RETURN",
        "-A SHINSEI-SET-1 -s 198.51.100.11 -j RETURN",
        "-A SHINSEI-SET-1 -j REJECT --reject-with icmp-port-unreachable",
    ]


@pytest.mark.parametrize(("word", "taken"), [("", ("RETURN", "ACCEPT", "")), ("! ", ("ACCEPT", "RETURN", "ACCEPT"))])
def test_exceptions_of_a_set_stand_before_what_they_are_excepted_from(word: str, taken: tuple[str, ...]) -> None:
    sets = "create n hash:net\nadd n 10.0.0.0/8\nadd n 10.1.0.0/16 nomatch\n"
    written = plain(f"-A F -m set {word}--match-set n src -j ACCEPT", sets)[2:]
    assert written[0] == f"-A SHINSEI-SET-1 -s 10.1.0.0/16 -j {taken[0]}"
    assert written[1] == f"-A SHINSEI-SET-1 -s 10.0.0.0/8 -j {taken[1]}"
    assert written[2:] == ([f"-A SHINSEI-SET-1 -j {taken[2]}"] if taken[2] else [])


def test_a_written_out_rule_still_tells_its_own_line() -> None:
    text = written_out("*filter\n-A F -m set --match-set web dst -j DROP\n-A F -j LAST\n", read_sets(SETS, "s"), "r")
    places = [origin("r", text, n) for n, line in enumerate(text.splitlines(), 1) if line.startswith("-A")]
    assert places == ["r:2", "r:2", "r:3"]


@pytest.mark.parametrize(
    ("sets", "rule", "words"),
    [
        (SETS, "-A F -m set --match-set other dst -j ACCEPT", ["r:1", "other", "ipset save"]),
        (SETS, "-A F -m set ! --match-set web dst -j RETURN", ["r:1", "否定", "RETURN"]),
        (SETS, "-A F -m set ! --match-set web dst -g X", ["r:1", "否定", "-g"]),
        (SETS, "-A F -m set --match-set svc dst -j ACCEPT", ["r:1", "向き"]),
        (SETS, "-A F -m set --match-set web up -j ACCEPT", ["r:1", "up", "src・dst"]),
        (SETS, "-A F -m set --match-set web dst --return-nomatch -j ACCEPT", ["r:1", "--return-nomatch"]),
        (SETS, "-A F -j SET --add-set web src", ["r:1", "-j SET"]),
        (SETS, "-A F ! -p udp -m set --match-set svc dst,dst -j ACCEPT", ["r:1", "否定", "-p"]),
        ("create b bitmap:ip,mac range 10.0.0.0/24\n", "", ["s:1", "bitmap:ip,mac"]),
        ("create m hash:mac\nadd m 00:11:22:33:44:55\n", "-A F -m set --match-set m dst -j DROP", ["r:1", "MAC"]),
        ("create i hash:net,iface\nadd i 10.0.0.0/8,physdev:eth0\n", "", ["s:2", "physdev"]),
        ("create a hash:ip\nadd b 1.2.3.4\n", "", ["s:2", "b"]),
        ("create n hash:net,port\nadd n 10.0.0.0/8,80 nomatch\n", "", ["s:2", "nomatch"]),
        ("create l list:set\nadd l gone\n", "-A F -m set --match-set l src -j DROP", ["r:1", "gone"]),
        ("create l list:set\nadd l l\n", "-A F -m set --match-set l src -j DROP", ["r:1", "重ね"]),
    ],
)
def test_a_set_that_cannot_be_written_out_is_one_sentence(sets: str, rule: str, words: list[str]) -> None:
    with pytest.raises(IpsetError) as caught:
        written_out(rule, read_sets(sets, "s"), "r")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


# ── tables ──


def test_a_table_of_another_vendor_is_understood() -> None:
    text = "通信制御表,,\n作成日,2026,\n\n" + ROWS.replace("8080,tcp,許可", "https,ＴＣＰ／UDP,○").replace(
        "172.16.50.10", "172.16.50.8-172.16.50.11"
    )
    rules = [line.strip() for line in compile_table(text.replace(",", "\t").encode(), "t.tsv", "boundary").splitlines()]
    both = [line for line in rules if line.endswith('comment "K2b"')]
    assert [line.split(" dport ")[0].split()[-1] for line in both] == ["tcp", "udp"]
    assert all("{ 172.16.50.8/30 }" in line and "dport { 443 } counter accept" in line for line in both)


@pytest.mark.parametrize(
    ("heading", "cell", "expected"),
    [
        ("送信元ポート", "53", "tcp sport { 53 } tcp dport { 8080 }"),
        ("有効", "有効", "tcp dport { 8080 }"),
        ("有効", "無効", ""),
        ("担当", "山田", "tcp dport { 8080 }"),
        ("", "", "tcp dport { 8080 }"),
        ("ルール名", "業務1", "tcp dport { 8080 }"),
    ],
)
def test_a_further_column_is_used_or_harmless(heading: str, cell: str, expected: str) -> None:
    head, row = ROWS.splitlines()
    text = compile_table(f"{head},{heading}\n{row},{cell}\n".encode(), "t.csv", "boundary")
    assert ("K2b" in text) is bool(expected)
    assert expected in text


@pytest.mark.parametrize(
    ("heading", "cell", "words"),
    [
        ("時間帯", "夜間", ["t.csv:2", "時間帯", "消して"]),
        ("有効", "たぶん", ["t.csv:2", "たぶん"]),
        ("宛先ポート", "80", ["t.csv:1", "サービス", "宛先ポート"]),
        ("送信元ポート", "x", ["t.csv:2", "'x'"]),
    ],
)
def test_a_column_that_might_change_a_rule_is_refused(heading: str, cell: str, words: list[str]) -> None:
    head, row = ROWS.splitlines()
    with pytest.raises(TableError) as caught:
        compile_table(f"{head},{heading}\n{row},{cell}\n".encode(), "t.csv", "boundary")
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff"), ("cp932", ""), ("utf-8", "\ufeff")]
)
def test_a_table_is_read_in_the_encodings_of_offices_and_known_by_its_heading(encoding: str, mark: str) -> None:
    data = (mark + ROWS).encode(encoding)
    assert compile_table(data, "t.csv", "boundary") == compile_table(ROWS.encode(), "t.csv", "boundary")
    assert kind_of(data, "export.txt") == "table"
    assert kind_of(b"flush ruleset\ntable inet f {\n}\n", "export.txt") == "nft"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("8080,tcp", "tcp:8080,", "tcp dport { 8080 }"),
        ("8080,tcp", "TCP/8080 udp_53,", "udp dport { 53 }"),
        ("8080,tcp", "8080/tcp,", "tcp dport { 8080 }"),
        ("8080,tcp", "0-65535,6", "tcp dport { 0-65535 }"),
        ("8080,tcp", "指定なし,17", "meta l4proto udp"),
    ],
)
def test_services_as_appliances_write_them(old: str, new: str, expected: str) -> None:
    assert expected in compile_table(ROWS.replace(old, new).encode(), "t.csv", "boundary")


def test_of_a_name_and_its_address_the_address_counts() -> None:
    head, row = ROWS.splitlines()
    for names, cells in (
        ("送信元アドレス,送信元", "172.16.50.10,申請管理"),
        ("送信元,送信元アドレス", "申請管理,172.16.50.10"),
    ):
        text = f"{head.replace('送信元', names)}\n{row.replace('172.16.50.10', cells)}\n"
        compiled = compile_table(text.encode(), "t.csv", "boundary")
        assert [line for line in compiled.splitlines() if "K2b" in line] == [
            line for line in compile_table(ROWS.encode(), "t.csv", "boundary").splitlines() if "K2b" in line
        ]


@pytest.mark.parametrize("cell", ["!172.16.50.20", "172.16.50.20以外", "not 172.16.50.20", "172.16.50.20を除く"])
def test_a_negation_is_refused_as_one(cell: str) -> None:
    with pytest.raises(TableError, match=r"^t\.csv:2: .*否定"):
        compile_table(ROWS.replace("172.16.50.10", cell).encode(), "t.csv", "boundary")


@pytest.mark.parametrize(("cell", "taken"), [("常時", True), ("always", True), ("any", True), ("夜間", False)])
def test_a_schedule_that_never_ends_restricts_nothing(cell: str, taken: bool) -> None:
    head, row = ROWS.splitlines()
    data = f"{head},スケジュール\n{row},{cell}\n".encode()
    if taken:
        assert "K2b" in compile_table(data, "t.csv", "boundary")
    else:
        with pytest.raises(TableError, match="スケジュール"):
            compile_table(data, "t.csv", "boundary")


def test_an_object_of_the_appliance_is_what_the_policy_says_it_is() -> None:
    text = BASELINE + '\n[address_map]\n"連携サーバ" = "192.0.2.10 2001:db8:2::10"\n'
    data = ROWS.replace("192.0.2.10", "連携サーバ").encode()
    rules = make_rules("boundary", [("t.csv", data)], parse_policy(text, "p.toml"))
    assert "ip daddr { 192.0.2.10/32 }" in rules.transactions[0]
    with pytest.raises(RulesError, match=r"^t\.csv:2: .*連携サーバ.*address_map"):
        make_rules("boundary", [("t.csv", data)], baseline())


def _book(*sheets: tuple[str, list[list[str]]], merged: str = "") -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        for title, rows in sheets:
            page = book.add_worksheet(title)
            for number, row in enumerate(rows, 3):
                for at, text in enumerate(row):
                    if text:
                        page.write_string(number, at, text)
            if merged:
                page.merge_range(merged, "172.16.50.10")
    return out.getvalue()


def test_a_cell_merged_over_rows_is_not_an_empty_one() -> None:
    head, row = (one.split(",") for one in ROWS.splitlines())
    second = ["2", "192.0.2.10", "", "22", "tcp", "許可", "merged"]
    text = compile_table(_book(("規則", [head, row, second]), merged="C5:C6"), "t.xlsx", "boundary")
    (line,) = [line for line in text.splitlines() if "merged" in line]
    assert "ip saddr { 172.16.50.10/32 }" in line
    lines = text.splitlines()
    assert origin("t.xlsx", text, lines.index(line) + 1) == "t.xlsx:6"


def test_the_sheet_of_the_firewall_is_found_in_a_workbook() -> None:
    rows = [one.split(",") for one in ROWS.splitlines()]
    other = [rows[0], [cell.replace("8080", "99") for cell in rows[1]]]
    cover = ("表紙", [["通信制御"]])
    assert "8080" in compile_table(_book(cover, ("一覧", rows)), "t.xlsx", "boundary")
    both = _book(cover, ("境界ＦＷ", rows), ("LGWAN-FW", other))
    assert "8080" in compile_table(both, "t.xlsx", "boundary")
    assert "{ 99 }" in compile_table(both, "t.xlsx", "lgwan")
    with pytest.raises(TableError, match="2 枚"):
        compile_table(_book(("a", rows), ("b", rows)), "t.xlsx", "boundary")


def test_readings_beside_japanese_words_are_no_part_of_them() -> None:
    """Excel keeps the furigana of typed words in the shared texts: 許可 would be read as 許可キョカ."""
    rows = [one.split(",") for one in ROWS.splitlines()]
    data, out = _book(("規則", rows)), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for one in source.namelist():
            text = source.read(one)
            if one == "xl/sharedStrings.xml":
                read = '<rPh sb="0" eb="2"><t>キョカ</t></rPh>'
                text = text.replace("<t>許可</t>".encode(), f"<t>許可</t>{read}".encode())
                assert read.encode() in text
            target.writestr(one, text)
    assert compile_table(out.getvalue(), "t.xlsx", "boundary") == compile_table(data, "t.xlsx", "boundary")


# ── names ──


def test_a_place_is_the_line_of_the_file_that_was_handed_in() -> None:
    save = "*filter\n:FORWARD DROP [0:0]\n\n# a comment\n-A FORWARD -s 10.9.9.90/32 -j DROP\n-A FORWARD -s 10.9.9.9/32 -j DROP\nCOMMIT\n"
    table = ROWS.replace("192.0.2.10", "10.9.9.9")
    for name, text, line in (("v4.save", save, 6), ("t.csv", table, 2)):
        rules = make_rules("boundary", [(name, text.encode())], baseline())
        with pytest.raises(RulesError, match=rf"^{name}:{line}: .*10\.9\.9\.9"):
            check_names(rules, _listing({"match": {"op": "==", "left": SOURCE, "right": "10.9.9.9"}}), baseline())


def _listing(*expressions: dict[str, Any]) -> str:
    held = {"family": "ip", "table": "t"}
    return json.dumps(
        {
            "nftables": [
                {"map": {**held, "name": "m", "elem": [["10.9.9.9", {"accept": None}]]}},
                {"set": {**held, "name": "c", "elem": [{"elem": {"val": {"concat": ["10.9.9.9", 80]}, "timeout": 5}}]}},
                *({"rule": {**held, "expr": [one]}} for one in expressions),
            ]
        }
    )


SOURCE = {"payload": {"protocol": "ip", "field": "saddr"}}
PORT = {"payload": {"protocol": "tcp", "field": "dport"}}


@pytest.mark.parametrize(
    "expression",
    [
        {"vmap": {"key": SOURCE, "data": "@m"}},
        {"vmap": {"key": SOURCE, "data": {"set": [["10.9.9.9", {"accept": None}]]}}},
        {"match": {"op": "==", "left": {"concat": [SOURCE, PORT]}, "right": "@c"}},
        {"match": {"op": "==", "left": {"ct": {"key": "ip saddr", "dir": "original"}}, "right": "10.9.9.9"}},
        {"snat": {"addr": "10.9.9.9"}},
        {"dnat": {"addr": {"map": {"key": SOURCE, "data": {"set": [["10.9.9.9", "192.0.2.10"]]}}}}},
    ],
)
def test_an_address_outside_the_policy_is_refused_wherever_it_stands(expression: dict[str, Any]) -> None:
    rules = make_rules("boundary", [("a.nft", b"x\nhere 10.9.9.9\n")], baseline())
    with pytest.raises(RulesError, match=r"^a\.nft:2: .*10\.9\.9\.9"):
        check_names(rules, _listing(expression), baseline())


@pytest.mark.parametrize(
    ("value", "statement", "refused"),
    [
        ({"prefix": {"addr": "10.0.0.0", "len": 8}}, {"drop": None}, False),
        ({"range": ["240.0.0.0", "255.255.255.255"]}, {"reject": {"type": "icmp"}}, False),
        ({"set": [{"prefix": {"addr": "192.168.0.0", "len": 16}}, {"prefix": {"addr": "10.0.0.0", "len": 8}}]}, {"drop": None}, False),
        ({"prefix": {"addr": "10.0.0.0", "len": 8}}, {"accept": None}, True),
        ({"prefix": {"addr": "10.9.0.0", "len": 16}}, {"drop": None}, True),
        ("10.9.9.9", {"drop": None}, True),
        ({"range": ["10.9.9.1", "10.9.9.9"]}, {"drop": None}, True),
    ],
)  # fmt: skip
def test_whole_reserved_blocks_may_be_refused_without_being_mapped(
    value: object, statement: dict[str, Any], refused: bool
) -> None:
    match = {"match": {"op": "==", "left": SOURCE, "right": value}}
    listed = json.dumps({"nftables": [{"rule": {"family": "ip", "table": "t", "expr": [match, statement]}}]})
    rules = make_rules("boundary", [("a.nft", b"x\n")], baseline())
    if refused:
        with pytest.raises(RulesError, match="address_map"):
            check_names(rules, listed, baseline())
    else:
        check_names(rules, listed, baseline())
    assert rules.digest


def test_one_interface_name_may_mean_two_things() -> None:
    text = BASELINE.replace(
        '[firewall.boundary]\nja = "境界FW"', '[firewall.boundary]\ninterface_map = { eth0 = "up0" }\nja = "境界FW"'
    ).replace(
        '[firewall.lgwan]\nja = "LGWAN-FW"', '[firewall.lgwan]\ninterface_map = { eth0 = "lgwan0" }\nja = "LGWAN-FW"'
    )
    policy = parse_policy(text, "p.toml")
    assert make_rules("boundary", [("a.nft", b"iif eth0\n")], policy).transactions == ("iif up0\n",)
    assert make_rules("lgwan", [("a.nft", b"iif eth0\n")], policy).transactions == ("iif lgwan0\n",)
    with pytest.raises(SpecError, match="interface_map"):
        parse_policy(text.replace('eth0 = "lgwan0"', 'eth0 = "up0"'), "p.toml")


# ── translated addresses ──


def test_only_what_translates_is_kept() -> None:
    held = {"family": "ip", "table": "t"}
    listed: dict[str, list[dict[str, Any]]] = {
        "nftables": [
            {"metainfo": {"version": "1"}},
            {"table": {"family": "ip", "name": "t", "handle": 1}},
            {"chain": {**held, "name": "f", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
            {"chain": {**held, "name": "n", "type": "nat", "hook": "postrouting", "prio": 100, "policy": "accept"}},
            {"rule": {**held, "chain": "f", "expr": [{"drop": None}]}},
            {"rule": {**held, "chain": "n", "handle": 7, "expr": [{"masquerade": None}]}},
        ]
    }
    kept = json.loads(translation(json.dumps(listed)))["nftables"]
    assert kept[0] == {"flush": {"ruleset": None}}
    assert [next(iter(one["add"])) for one in kept[1:]] == ["table", "chain", "rule"]
    assert "handle" not in kept[3]["add"]["rule"]
    listed["nftables"] = [one for one in listed["nftables"] if "n" not in (one.get("chain", {}).get("name"), one.get("rule", {}).get("chain"))]  # fmt: skip
    assert translation(json.dumps(listed)) == ""
