"""The process that runs the check bodies, as the engine sees it (`check_process` is its inside)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from conformance.engine.environment import GO, RUN_DIR
from conformance.engine.processes import clean_environment, die_with_parent
from conformance.events import CheckEnded, ChecksFinished, read_events


class NotJudged(Exception):
    """The bodies did not come to their end on these records."""


def judged_apart(command: list[str], plan: str, records: Mapping[str, bytes], limit_seconds: float) -> list[CheckEnded]:
    """How the check bodies end on ``records`` (round → JSON), in a folder and a process of their own. Raises NotJudged.

    ``plan``: as JSON. ``command`` starts the check process with ``--wait``.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "records").mkdir()
        (folder / "plan.json").write_text(plan, encoding="utf-8")
        for round_, record in records.items():
            (folder / "records" / f"{round_}.json").write_bytes(record)
        with Judge(command, folder) as judge:
            judge.load()
            judge.go()
            code = judge.wait(limit_seconds)
        ended = folder / "checks.ndjson"
        events = list(read_events(ended)) if ended.is_file() else []
        if code not in (0, 1) or not any(isinstance(one, ChecksFinished) for one in events):
            raise NotJudged(f"code {code}")
        return [one for one in events if isinstance(one, CheckEnded)]


class Judge:
    """The check process: it loads while the rounds are played, and judges when it is told to.

    Leaving the context leaves no process behind.
    """

    def __init__(self, command: list[str], run_dir: Path) -> None:
        self._command, self._dir = command, run_dir
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()  # closes its input and collects it

    def load(self) -> None:
        """Starts the process; it waits for `go`."""
        with (self._dir / "checks.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._dir,
                env=clean_environment({RUN_DIR: str(self._dir)}),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )

    def go(self) -> None:
        """The records are there. A process that has ended already is found out by `wait`."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.write(GO)
                self._process.stdin.flush()

    def wait(self, seconds: float) -> int:
        """Its exit code; -1 when it does not end in time or was never started."""
        if self._process is None:
            return -1
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return -1
