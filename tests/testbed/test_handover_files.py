"""③-5 over a shared folder: the reference writes drops, the core systems read them and answer, the same checks judge."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from conformance.engine.run import Options, execute
from conformance.events import read_events
from conformance.results import Results, fold
from conformance.target import TargetError, load_target
from conformance.verdicts import Verdict
from shinsei_testbed import module_command
from testbed.mutants.launch import mutant_command
from testbed.postgres import embedded_server
from testbed.reference import RELAY_COMMAND, product_env, write_target

pytestmark = pytest.mark.long

DAY = date(2026, 1, 15)
FUNCTION = ("AM-3.5", "AM-3.4-01", "AM-3.4-07", "AM-3.2-82a")


def target_by_files(folder: Path, mutant: str = "") -> Path:
    """The reference's target file, its hand-over by file drop."""
    path = write_target(folder, mutant=mutant)
    (folder / "renkei").mkdir()
    module = ("reference_impl.shinsei_kanri", "run", "drops")
    words = mutant_command(mutant, *module) if mutant else module_command(*module)
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'\nhandover = "[^"]*"', "", text, count=1)
    table = f'[handover]\nkind = "files"\nfolder = "renkei"\ncommand = {json.dumps(words)}\n\n[credentials]'
    text = text.replace("[credentials]", table, 1)
    drops = (
        f'SHINSEI_AM_DROP_FOLDER = {json.dumps(str(folder / "renkei"))}\nSHINSEI_AM_DROP_CORES = "jido_teate,kaigo"\n'
    )
    path.write_text(text.replace("[start.env]\n", f"[start.env]\n{drops}", 1), encoding="utf-8")
    return path


def run_of(folder: Path, mutant: str = "") -> Results:
    with embedded_server() as server:
        url = server.create_database("drops")
        options = Options(
            module_command=module_command,
            relay_command=RELAY_COMMAND,
            reference_date=DAY,
            select=FUNCTION,
            product_env=lambda: product_env(url),
        )
        execute(target_by_files(folder, mutant), folder / "run", options)
    return fold(read_events(folder / "run" / "events.ndjson"))


def verdicts(results: Results) -> dict[str, tuple[Verdict, str]]:
    return {
        one.planned.id: (one.verdict, one.reason_ja + (one.findings[0].actual if one.findings else ""))
        for one in results.checks
        if one.planned.status == "run"
    }


@pytest.mark.slow
def test_the_reference_hands_over_by_files(tmp_path: Path) -> None:
    results = run_of(tmp_path)
    assert results.troubles == ()
    found = verdicts(results)
    assert {name for name in found if name.startswith("AM-3.5")} >= {"AM-3.5-02a", "AM-3.5-05a", "AM-3.5-05b"}
    assert {name: said for name, said in found.items() if said[0] is not Verdict.PASS} == {}
    assert "acknowledged" in {stage for one in results.seen for stage in one.stages}
    assert list((tmp_path / "renkei" / "kekka" / "jido_teate").glob("*.manifest.json"))


@pytest.mark.slow
def test_a_mutant_is_caught_by_files_too(tmp_path: Path) -> None:
    found = verdicts(run_of(tmp_path, "drops-the-last-item"))
    assert found["AM-3.5-05b"][0] is Verdict.FAIL


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ('[handover]\nkind = "files"\n', "handover.folder"),
        ('[handover]\nfolder = "renkei"\n', "handover.folder"),
        ('[handover]\nkind = "ftp"\n', "handover.kind"),
    ],
)
def test_a_mistake_in_the_table_is_one_sentence(tmp_path: Path, table: str, field: str) -> None:
    path = write_target(tmp_path)
    text = path.read_text(encoding="utf-8").replace("[credentials]", table + "\n[credentials]", 1)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TargetError, match=re.escape(field)):
        load_target(path)
