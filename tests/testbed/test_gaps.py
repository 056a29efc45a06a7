"""A run whose record of exchanges has gaps: nothing that may have happened in a gap becomes a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.engine import driver
from conformance.engine.run import Options, execute
from conformance.record import Record
from conformance.reporters.write import write_reports
from conformance.results import Results
from conformance.verdicts import Exit, RunVerdict, Verdict
from shinsei_testbed import module_command
from testbed.postgres import embedded_server
from testbed.reference import RELAY_COMMAND, product_env, write_target

LIVENESS = "AM-3.0-03a"
HALF = 180
"""Exchanges that a run of our product is more than through with after its first rounds, and long before its last."""
SMALL_RECORD = """\
import sys
sys.path.insert(0, {root!r})
from mock_services import serve
from mock_services.recorder import Recorder
Recorder.__init__.__kwdefaults__["max_exchanges"] = {most}
sys.exit(serve.main(sys.argv[1:]))
"""
"""The simulated world with room for ``most`` exchanges: what two hundred thousand calls of a product would do to it."""


def run_with(folder: Path, most: int) -> Results:
    """A whole run of the bundled product, which conforms, in a world that keeps ``most`` exchanges."""
    root = str(Path(__file__).resolve().parents[2])

    def command(module: str, *words: str) -> list[str]:
        ours = module_command(module, *words)
        if module != "mock_services.serve":
            return ours
        return [ours[0], "-I", "-X", "utf8", "-c", SMALL_RECORD.format(root=root, most=most), *words]

    with embedded_server() as server:
        url = server.create_database("gaps")
        options = Options(module_command=command, relay_command=RELAY_COMMAND, product_env=lambda: product_env(url))
        execute(write_target(folder), folder / "run", options)
    return write_reports(folder / "run").results


@pytest.mark.slow
def test_what_was_not_recorded_makes_a_run_incomplete_and_never_conformant(tmp_path: Path) -> None:
    results = run_with(tmp_path, HALF)
    assert results.troubles == ()
    assert results.finished
    rounds = {one.round: one for one in records(tmp_path / "run")}
    broken = {name for name, one in rounds.items() if one.gap_ja}
    assert {"aftercare"} < broken < set(rounds)
    ran = [one for one in results.checks if one.planned.status == "run"]
    in_gaps = [one for one in ran if one.planned.round in broken or one.planned.id == LIVENESS]
    assert {one.verdict for one in in_gaps} == {Verdict.UNVERIFIED}
    assert all("記録に欠けがある" in one.reason_ja and "has a gap" in one.reason_en for one in in_gaps)
    assert {one.verdict for one in ran if one not in in_gaps} == {Verdict.PASS}
    assert results.clause is not None
    assert results.clause.verdict is RunVerdict.INCOMPLETE
    assert results.exit() is Exit.INCOMPLETE
    ((ja, en),) = [one for one in results.warnings if "欠け" in one[0]]
    assert "ラウンド aftercare" in ja
    assert "download list" in ja
    assert "unverified" in en
    assert "通信の記録に欠けがある" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_product_that_says_too_much_of_its_applications_is_read_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "MOST_SEEN", 50_000)
    results = run_with(tmp_path, 200_000)
    assert results.exit() is Exit.INCOMPLETE
    assert {one.verdict for one in results.checks if one.planned.status == "run"} == {Verdict.PASS, Verdict.UNVERIFIED}
    failed = [one for one in results.steps if not one.ok]
    assert {one.step for one in failed} >= {"snapshot:first"}
    assert all("50000 字を超えた" in one.message for one in failed if one.step.startswith("snapshot"))
    assert results.finished


def records(run_dir: Path) -> list[Record]:
    return [Record.model_validate_json(one.read_bytes()) for one in (run_dir / "records").glob("*.json")]
