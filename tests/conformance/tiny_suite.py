"""A suite package made for one test, run by the real check process: what becomes of each way a body can end."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from conformance.engine.environment import RUN_DIR
from conformance.events import CheckEnded, ChecksFinished, Event, RunFinished, RunStarted, read_events
from conformance.plan import Plan
from conformance.record import Record
from conformance.results import Results, fold
from tests.conformance.factory import AT, plan_of, planned

ROOT = Path(__file__).resolve().parents[2]
HEAD = """\
import os, sys
import pytest
from conformance.kit import check, fail, same
from conformance.outcomes import Finding, ReviewNeeded, unverified

"""
START = (
    "import sys; sys.path[:0] = {paths!r}; sys.dont_write_bytecode = True; "
    "from conformance.engine.check_process import main; sys.exit(main(sys.argv[1:]))"
)


def record(round_id: str = "none") -> Record:
    """A record in which nothing happened."""
    return Record(
        round=round_id,
        relay_address="127.0.30.1",
        download_fqdn="dl.test",
        cases={},
        steps=(),
        snapshots={},
        pulls={},
        reviews=(),
        exchanges=(),
        relay_log=(),
        alive=True,
    )


class TinySuite:
    """``bodies``: check id → source of its function's body (indented by us); ``run`` is its argument."""

    def __init__(self, folder: Path, bodies: dict[str, str], *, foreign: tuple[str, ...] = (), bare: str = "") -> None:
        self._folder, self._run_dir = folder, folder / "run"
        package = folder / "tiny"
        package.mkdir()
        (package / "__init__.py").touch()
        source = HEAD + bare
        for number, (check_id, body) in enumerate(bodies.items()):
            lines = "".join(f"    {line}\n" for line in body.splitlines())
            source += f'\n@check("{check_id}")\ndef body_{number}(run, request):\n{lines}'
        (package / "c9_1_tiny.py").write_text(source, encoding="utf-8")
        ids = [name for name in bodies if name not in foreign]
        self.plan: Plan = plan_of(*(planned(name) for name in ids), planned("AM-9.1-99a", verdict="contract"))
        (self._run_dir / "records").mkdir(parents=True)
        (self._run_dir / "plan.json").write_text(self.plan.model_dump_json(), encoding="utf-8")
        self.write_record(record())

    def write_record(self, one: Record) -> None:
        (self._run_dir / "records" / f"{one.round}.json").write_text(one.model_dump_json(), encoding="utf-8")

    def forget_records(self) -> None:
        for path in (self._run_dir / "records").iterdir():
            path.unlink()

    def finished(self) -> list[int]:
        """How many bodies had ended each time that the check process said it had come to its end."""
        events = read_events(self._run_dir / "checks.ndjson")
        return [one.bodies for one in events if isinstance(one, ChecksFinished)]

    def run(self, *words: str) -> tuple[int, list[CheckEnded]]:
        """(exit code of the check process, its events)."""
        done = subprocess.run(
            [sys.executable, "-c", START.format(paths=[str(ROOT), str(self._folder)]), "tiny", *words],
            env={"PATH": os.defpath, RUN_DIR: str(self._run_dir)},
            cwd=self._run_dir,
            capture_output=True,
            check=False,
        )
        path = self._run_dir / "checks.ndjson"
        events = list(read_events(path)) if path.is_file() else []
        return done.returncode, [one for one in events if isinstance(one, CheckEnded)]

    def fold(self, ended: list[CheckEnded]) -> Results:
        """Results of a run that ended in these events; the one contract check passed."""
        passed = CheckEnded.model_validate(
            {"at": datetime.now(UTC), "check": "AM-9.1-99a", "phase": "call", "raw": "pass"}
        )
        events: list[Event] = [RunStarted(at=AT, plan=self.plan), *ended, passed, RunFinished(at=AT, seconds=1)]
        return fold(events)
