"""Every row of 図表12 and 13, of 3.2 and of 6.2(1) ア・イ that bears on the network has a requirement, and a check or a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from conformance.catalogue import load_catalogue
from interface_spec.requirements import load_requirements
from testbed.cli_firewall import app
from tests.firewall.data import BASELINE

ROWS = {
    "FW-1.1-05": ("図表12", "許可"),
    "FW-1.1-06": ("図表12", "許可"),
    "FW-1.1-07": ("図表12", "拒否"),
    "FW-1.2-04": ("図表13", "許可"),
    "FW-1.2-05": ("図表13", "拒否"),
    "FW-S32-01": ("3.2", "特定通信"),
    "FW-S32-02": ("3.2", "連携サーバ"),
    "FW-S32-03": ("3.2", "向き"),
    "RLY-S62-01": ("6.2(1)アA", "プロキシサーバ"),
    "RLY-S62-02": ("6.2(1)アA", "許可リスト"),
    "FW-S62-01": ("6.2(1)アB", "直接"),
    "FW-S62-02": ("6.2(1)アB", "経由"),
    "FW-S62-03": ("6.2(1)アC", "経路"),
    "FW-S62-04": ("6.2(1)アC", "ポート"),
    "FW-S62-05": ("6.2(1)イA", "ポリシー"),
    "FW-S62-06": ("6.2(1)イA", "ポート"),
}
OF_A_COST_LIST = ("RLY-S62-02", "FW-S62-03", "FW-S62-04", "FW-S62-06")
runner = CliRunner()


@pytest.mark.parametrize(("name", "told"), ROWS.items(), ids=ROWS)
def test_a_row_has_its_requirement_and_a_check_or_a_reason(name: str, told: tuple[str, str]) -> None:
    one = load_requirements()[name]
    assert told[0] in one.clause
    assert told[1] in one.ja
    checked = any(
        name in (c.requirement, *c.also) for role in ("fw", "relay") for c in load_catalogue(role).checks.values()
    )
    assert checked or one.unchecked


@pytest.mark.parametrize("name", OF_A_COST_LIST)
def test_what_only_a_cost_list_names_binds_with_the_subsidy_alone(name: str) -> None:
    one = load_requirements()[name]
    assert one.level_for(lambda _feature: False) == "推奨"
    assert one.level_for(lambda feature: feature == "subsidy") == "必須"


OVERLAPPING = BASELINE.replace('v4 = "192.0.2.40"', 'v4 = "192.0.2.10"', 1)


@pytest.mark.parametrize(
    ("files", "words", "said"),
    [
        ({"p.toml": OVERLAPPING}, ["--policy", "p.toml"], ["p.toml:", "host.dz", "変えてください"]),
        ({"b.nft": "table inet x {\n chain\n"}, ["--boundary", "b.nft"], ["b.nft:", "nft -c -f"]),
        (
            {"b.nft": 'table inet x {\n chain f { type filter hook forward priority 0; iifname "eth9" drop; }\n}\n'},
            ["--boundary", "b.nft"],
            ["b.nft:2", "eth9", "interface_map"],
        ),
        ({"r.csv": "順番,送信元\n1,x\n"}, ["--lgwan", "r.csv"], ["r.csv:1", "列"]),
        ({"s.conf": "acl x nonsense\n"}, ["--proxy", "s.conf"], ["squid.conf"]),
        ({}, ["--boundary", "none.nft"], ["none.nft", "読めません"]),
    ],
    ids=["overlapping-hosts", "does-not-load", "unknown-interface", "bad-table", "bad-squid-conf", "no-such-file"],
)
def test_bad_input_of_the_lab_is_one_sentence_and_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], words: list[str], said: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = runner.invoke(app, ["lab", *words, "--out", str(tmp_path / "o")])
    assert done.exit_code == 2
    shown = f"{done.stdout}{done.stderr}"
    for word in said:
        assert word in shown
    assert "Traceback" not in shown
