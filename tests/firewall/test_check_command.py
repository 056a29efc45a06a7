"""`shinsei check fw` and `check relay`: the same command, reports and exit codes as every other role."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from shinsei_testbed import module_command


def shinsei(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = module_command("testbed.cli.run", *words)
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["fw", "relay"])
def test_the_reference_is_conformant_and_reported(tmp_path: Path, role: str) -> None:
    done = shinsei(tmp_path, "check", role, "--json", "--out", "o")
    results = json.loads(done.stdout)
    assert done.returncode == 0, results["troubles"]
    assert results["verdicts"]["clause"]["verdict"] == "CONFORMANT"
    assert "contract" not in results["verdicts"]
    (report,) = (tmp_path / "o").glob(f"*-{role}-*/report.html")
    assert ("data:image/svg+xml" in report.read_text(encoding="utf-8")) is (role == "fw")


@pytest.mark.slow
def test_a_ruleset_that_lets_everything_through_is_not_conformant(tmp_path: Path) -> None:
    (tmp_path / "open.nft").write_text(
        "table inet f {\n"
        " chain forward { type filter hook forward priority filter; policy accept; }\n"
        " chain input { type filter hook input priority filter; policy accept; }\n"
        "}\n",
        encoding="utf-8",
    )
    done = shinsei(tmp_path, "check", "fw", "--boundary", "open.nft", "--json", "--out", "o")
    assert done.returncode == 1
    failed = {one["id"] for one in json.loads(done.stdout)["checks"] if one["verdict"] == "FAIL"}
    assert any(name.startswith("FW-1.1-04") for name in failed)


def test_a_policy_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = shinsei(tmp_path, "check", "fw", "--policy", "none.toml", "--out", "o")
    assert done.returncode == 2
    assert "none.toml" in done.stderr
    assert not (tmp_path / "o").exists()


@pytest.mark.slow
def test_a_remark_on_a_passed_check_stands_in_the_report(tmp_path: Path) -> None:
    done = shinsei(tmp_path, "check", "fw", "-k", "FW-S32-02b", "--out", "o")
    assert done.returncode == 4  # a selection is never the whole
    (report,) = (tmp_path / "o").glob("*-fw-*/report.html")
    assert "ダウンロード機能のアドレスが変わると" in report.read_text(encoding="utf-8")
