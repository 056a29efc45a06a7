"""The whole chain (simulated world, bundled product, suite) under the baseline and under the deliberately odd overlay."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import shinsei_testbed
from tests.interface_spec.overlays import ODD

pytestmark = [pytest.mark.slow, pytest.mark.long]


def run(folder: Path, *words: str) -> tuple[int, dict[str, Any], Path]:
    """(exit code, results, run folder) of one ``shinsei check am``."""
    command = [*shinsei_testbed.module_command("testbed.cli.run"), "check", "am", "--out", str(folder), *words]
    assert command[0] == sys.executable
    done = subprocess.run(command, capture_output=True, check=False, timeout=180)
    assert len(list(folder.iterdir())) == 1, done.stderr.decode()
    run_dir = next(folder.iterdir())
    return done.returncode, json.loads((run_dir / "results.json").read_text(encoding="utf-8")), run_dir


def verdicts(results: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["verdict"] for one in results["checks"]}


def test_under_the_odd_overlay_everything_that_it_can_express_conforms(tmp_path: Path) -> None:
    code, results, run_dir = run(tmp_path, "--overlay", str(ODD))
    planned = {one["id"]: one for one in json.loads((run_dir / "plan.json").read_text(encoding="utf-8"))["checks"]}
    beyond = {name for name, one in planned.items() if INEXPRESSIBLE in one["reason_ja"]}
    assert beyond >= BEYOND
    assert len(beyond) < len(planned) / 8
    assert {
        name: verdict for name, verdict in verdicts(results).items() if name not in beyond and verdict != "PASS"
    } == {}
    assert {verdicts(results)[name] for name in beyond} == {"N/A"}
    assert code == 0
    assert "cp932 で表せません" in planned["AM-3.2-02a"]["reason_ja"]
    report = (run_dir / "report.html").read_text(encoding="utf-8")
    assert "odd: 変則の契約（試験用） test + odd.toml" in report
    assert "download: cursor-paging" in report


def test_under_the_baseline_everything_conforms(tmp_path: Path) -> None:
    code, results, _ = run(tmp_path)
    assert code == 0
    assert {name: verdict for name, verdict in verdicts(results).items() if verdict != "PASS"} == {}


INEXPRESSIBLE = "この上書きプロファイルでは表せない"
BEYOND = {"AM-3.2-02a", "AM-3.2-02c", "AM-3.2-81c", "AM-3.3-86a"}
"""Checks whose cases CP932 or CSV cannot carry."""
