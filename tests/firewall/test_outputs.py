"""Sheets, rules, diagram, matrix and packets as they are written."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from lxml import etree
from rich.console import Console
from typer.testing import CliRunner

from conformance.events import Event, RunFinished, RunStarted
from conformance.firewall.frames import ethernet, icmp, icmp_checksum, ipv4, ipv6, tcp, udp
from conformance.firewall.judge import judge
from conformance.firewall.marks import flow_marks, zone_lines
from conformance.firewall.matrix import build_matrix
from conformance.firewall.picture import matrix_text, topology_svg, topology_text
from conformance.firewall.plan_lab import Declared, make_lab_plan
from conformance.firewall.pump import parse_packet
from conformance.firewall.record import LabRecord, Seen
from conformance.firewall.run import POLICY_FILE, RECORD_FILE, RelayTarget
from conformance.firewall.sheet import sheets
from conformance.firewall.trace import deciding
from conformance.firewall.xlsx import read_xlsx
from conformance.results import fold
from interface_spec.policy import Policy, load_policy
from reference_impl.firewall.nftables import ruleset
from reference_impl.firewall.squid import squid_conf
from testbed.cli_firewall import app, print_results
from tests.firewall.data import BASELINE, baseline, perfect_record

runner = CliRunner()


def test_the_sheet_holds_every_flow_and_the_named_denials() -> None:
    rows = sheets(baseline())["境界FW 通信制御設定表"]
    assert [row[7] for row in rows[1:5]] == ["許可"] * 4
    assert any(
        row[7] == "拒否" and row[1].startswith("申請管理システム") and row[3].startswith("ダウンロード機能")
        for row in rows
    )
    assert rows[-1][7] == "拒否"
    assert {row[10] for row in rows if row[1].startswith("連携サーバ") and "DNS" in row[3]} == {
        "宣言（手順書に行は無い）"
    }
    lgwan = sheets(baseline())["LGWAN-FW 通信制御設定表"]
    assert not any(row[1].startswith("申請管理") and row[7] == "許可" for row in lgwan)


def test_the_sheet_command_writes_a_workbook_that_reads_back(tmp_path: Path) -> None:
    out = tmp_path / "s.xlsx"
    done = runner.invoke(app, ["sheet", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert tuple(read_xlsx(out.read_bytes())[1]) == sheets(baseline())["境界FW 通信制御設定表"][1]


@pytest.mark.parametrize("policy", ["baseline", "baseline-t2"])
def test_the_diagram_is_well_formed_and_shows_each_flow(policy: str) -> None:
    plan = load_policy(Path(policy))
    svg = topology_svg(plan, perfect_record(plan))
    tree = etree.fromstring(svg.encode())
    words = " ".join(str(one) for one in tree.itertext())
    for flow in plan.flow:
        assert f"{flow.id} " in words
    assert "○" in words
    assert words.count("!!") == 1  # in the legend


def test_the_terminal_shows_the_topology_with_each_flows_verdict() -> None:
    policy = baseline()
    text = topology_text(policy, perfect_record(policy))
    lines = text.splitlines()
    for flow in policy.flow:
        assert any(line.startswith("○") and f"{flow.id} " in line for line in lines)
    assert any(line.startswith("×") and "図表12" in line for line in lines)
    assert any(line.startswith("×") and "図表13" in line for line in lines)
    for zone in policy.zone.values():
        assert any(f"{zone.ja} {zone.v4}" in line for line in lines)
    bare = topology_text(policy).splitlines()
    assert all(line.startswith("·") for line in bare[bare.index("") + 1 :])


def test_a_leak_and_a_blocked_flow_are_marked_in_every_picture() -> None:
    policy = baseline()
    record = perfect_record(policy)
    cells = dict(record.round("chain").cells)
    for cell in build_matrix(policy):
        if cell.case == "FW-D01":
            cells[cell.number] = Seen(cls="delivered", arrived=("dl",), legs=("x",))
        if cell.case == "FW-A02":
            cells[cell.number] = Seen(cls="dropped", legs=("x",))
    chain = record.round("chain").model_copy(update={"cells": cells})
    changed = record.model_copy(update={"rounds": {**record.rounds, "chain": chain}})
    marks = {(one.source, one.destination, one.mark) for one in flow_marks(policy, changed)}
    assert {("ap", "dl", "leak"), ("ap", "px", "closed"), ("px", "dl", "ok"), ("px", "ot", "denied")} <= marks
    assert ("ap", "dl", "denied") not in marks
    text = topology_text(policy, changed)
    assert "!!" in text
    assert "?!" in text


@pytest.mark.parametrize("name", list(sheets(baseline())))
def test_a_sheets_rows_have_one_width_and_the_change_request_has_room_to_sign(name: str) -> None:
    rows = sheets(baseline())[name]
    assert len({len(row) for row in rows}) == 1
    if "依頼" in name:
        assert {"依頼者", "希望日", "実施者", "確認"} <= {row[0] for row in rows}
        assert [row[0] for row in rows if row[0].startswith("許可")] == ["許可 1", "許可 2"]


def test_a_leak_is_drawn_and_stands_in_the_matrix() -> None:
    policy = baseline()
    record = perfect_record(policy)
    leak = next(c for c in build_matrix(policy) if c.case == "FW-D01")
    cells = {**record.round("chain").cells, leak.number: Seen(cls="delivered", arrived=("dl",))}
    changed = record.model_copy(
        update={"rounds": {**record.rounds, "chain": record.round("chain").model_copy(update={"cells": cells})}}
    )
    assert "!!" in topology_svg(policy, changed)
    assert leak.label() in matrix_text(policy, changed)
    marks = {(line.source, line.destination): line.mark for line in zone_lines(policy, changed)}
    assert marks[("mynum", "lgwan")] == "leak"
    assert marks[("dmz", "lgwan")] == "ok"
    assert marks[("conn", "lgwan")] == "open"


def test_the_matrix_command_reads_a_finished_run(tmp_path: Path) -> None:
    (tmp_path / RECORD_FILE).write_text(perfect_record(baseline()).model_dump_json(), encoding="utf-8")
    (tmp_path / POLICY_FILE).write_text(BASELINE, encoding="utf-8")
    done = runner.invoke(app, ["matrix", str(tmp_path), "--svg", str(tmp_path / "t.svg")])
    assert done.exit_code == 0, done.output
    assert "マイナンバー利用事務系" in done.output
    assert (tmp_path / "t.svg").read_text(encoding="utf-8").startswith("<svg")
    assert runner.invoke(app, ["matrix", str(tmp_path / "none")]).exit_code == 2


@pytest.mark.parametrize(
    "arguments", [["sheet", "--policy", "none.toml"], ["mutants", "Z99"], ["rules", "--policy", "none.toml"]]
)
def test_bad_input_is_exit_2_with_one_sentence(arguments: list[str]) -> None:
    done = runner.invoke(app, arguments)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1


def test_reference_rules_permit_the_flows_and_end_in_a_drop() -> None:
    policy = baseline()
    for firewall in policy.firewall:
        text = ruleset(policy, firewall)
        assert text.count("policy drop;") == 3
        for flow in policy.flow:
            crosses = firewall in (
                policy.crossing(policy.host[flow.source].zone, policy.host[flow.destination].zone) or ()
            )
            assert (f'comment "{flow.id} v4' in text) == crosses
    assert "http_access deny all" in squid_conf(policy)


@pytest.mark.parametrize(("source", "target"), [("192.0.2.10", "198.51.100.10"), ("2001:db8::1", "2001:db8::2")])
def test_packets_made_by_hand_are_read_back(source: str, target: str) -> None:
    def packet(protocol: int, body: bytes) -> bytes:
        return ipv6(source, target, protocol, body) if ":" in source else ipv4(source, target, protocol, body)

    echo = icmp(128 if ":" in source else 8, 0, b"\0\1\0\2", b"x", source=source, destination=target)
    bodies = {
        6: tcp(source, target, 1234, 443, b"hello"),
        17: udp(source, target, 53, 40000, b"q"),
        58 if ":" in source else 1: echo,
    }
    for protocol, body in bodies.items():
        frame = ethernet("02:00:00:00:00:01", "02:00:00:00:00:02", packet(protocol, body))
        parsed = parse_packet(frame)
        assert parsed is not None
        assert parsed[1:3] == (source, protocol)
        assert parsed[3] == body


def test_checksums_are_those_of_rfc_1071() -> None:
    assert icmp_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    header = ipv4("192.0.2.1", "192.0.2.2", 6, b"")[:20]
    assert icmp_checksum(header) == 0


def test_the_deciding_rule_is_read_from_the_kernels_trace() -> None:
    lines = [
        'trace id a1 inet shinsei_trace c packet: iif "mynum0" ip saddr 172.16.50.10 ip daddr 198.51.100.10 tcp dport 443',
        "trace id a1 inet shinsei_trace c rule meta nftrace set 1 (verdict continue)",
        'trace id a1 inet boundary forward rule tcp dport 443 accept comment "hole" (verdict accept)',
        "trace id b2 inet boundary forward policy drop",
    ]
    assert deciding({"boundary": lines}, lambda text: "172.16.50.10" in text).endswith('accept comment "hole" → accept')
    assert deciding({"boundary": lines}, lambda text: "nothing" in text) == ""


def test_the_guide_names_every_field_of_a_relays_file_and_of_a_policy() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "firewall.md").read_text(encoding="utf-8")
    told = {*Policy.model_fields} - {"id", "ja", "en", "direction", "product"}
    for name in (*RelayTarget.model_fields, *told, "idle_seconds", "forwarding_before_load"):
        assert f"`{name}`" in guide or f".{name}`" in guide, name
    for command in app.registered_commands:
        assert f"shinsei firewall {command.name}" in guide or command.name == "mutants", command.name


def _changed(record: LabRecord, scope: str, **parts: object) -> LabRecord:
    return record.model_copy(update={"rounds": {**record.rounds, scope: record.round(scope).model_copy(update=parts)}})


def test_what_one_firewall_alone_lets_through_is_no_green_picture() -> None:
    """The other firewall stops it in the whole chain; the report says 不適合, so the picture must show where."""
    policy = baseline()
    record = perfect_record(policy)
    leak = next(c for c in build_matrix(policy) if c.case == "FW-D01" and "boundary" in c.crossing)
    cells = {**record.round("boundary").cells, leak.number: Seen(cls="delivered", arrived=("dl",))}
    changed = _changed(record, "boundary", cells=cells)
    (drawn,) = [one for one in flow_marks(policy, changed) if one.mark == "leak"]
    assert (drawn.source, drawn.destination) == ("ap", "dl")
    assert "境界FWだけ" in drawn.what
    assert "境界FWだけ" in topology_svg(policy, changed)
    assert any(line.startswith("!!") and "境界FWだけ" in line for line in topology_text(policy, changed).splitlines())
    assert f"!! {leak.label()}（境界FWだけ" in matrix_text(policy, changed)
    assert {line.mark for line in zone_lines(policy, changed) if (line.source, line.destination) == ("mynum", "lgwan")} == {"leak"}  # fmt: skip


@pytest.mark.parametrize(("case", "drawn"), [("FW-P01", True), ("FW-P15", False)])
def test_a_crafted_packet_that_passed_is_drawn(case: str, drawn: bool) -> None:
    policy = baseline()
    record = perfect_record(policy)
    tricks = record.round("lgwan").tricks
    name = next(one for one in tricks if one.startswith(f"{case} "))
    changed = _changed(record, "lgwan", tricks={**tricks, name: Seen(cls="delivered")})
    leaks = [one for one in flow_marks(policy, changed) if one.mark == "leak"]
    assert [one.what.partition("（")[0] for one in leaks] == ([case] if drawn else [])
    assert any(line.mark == "leak" for line in zone_lines(policy, changed)) is drawn


def test_an_open_door_of_a_firewall_itself_is_drawn_to_its_bar() -> None:
    policy = baseline()
    record = perfect_record(policy)
    door = next(c for c in build_matrix(policy) if c.destination.startswith("firewall:boundary") and c.source == "ap")
    cells = {**record.round("chain").cells, door.number: Seen(cls="delivered", arrived=("firewall:boundary",))}
    changed = _changed(record, "chain", cells=cells)
    (leak,) = [one for one in flow_marks(policy, changed) if one.mark == "leak"]
    assert (leak.source, leak.destination) == ("ap", "firewall:boundary")
    assert leak.what in topology_svg(policy, changed)


def test_the_lab_command_tells_way_and_rule_of_what_passed(capsys: pytest.CaptureFixture[str]) -> None:
    policy = baseline()
    record = perfect_record(policy)
    leak = next(c for c in build_matrix(policy) if c.case == "FW-D01")
    seen = Seen(
        cls="delivered", arrived=("dl",), legs=("boundary:mynum0", "lgwan:down0"), rule='boundary: accept comment "hole"'
    )  # fmt: skip
    changed = _changed(record, "boundary", cells={**record.round("boundary").cells, leak.number: seen})
    plan = make_lab_plan(
        run_id="r", declared=Declared(policy, "fw"), product=policy.product.model_dump(), reference_date=date(2026, 4, 1)
    )  # fmt: skip
    now = datetime(2026, 4, 1, tzinfo=UTC)
    events: list[Event] = [
        RunStarted(at=now, plan=plan),
        *judge(plan, policy, changed, lambda: now),
        RunFinished(at=now, seconds=1),
    ]
    print_results(Console(width=80), fold(events), Path("run"))
    shown = capsys.readouterr().out
    assert "不適合 FW-1.1-07a" in shown
    assert "経路 / path: ap → boundary:mynum0 → lgwan:down0 → dl" in shown
    assert 'comment "hole"' in shown
    assert "手順書適合 / clauses: 不適合" in shown
    assert "…" not in shown
