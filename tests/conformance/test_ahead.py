"""A process that loads ahead: told once, gone without an order, never in the way of a run."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from conformance.engine.ahead import Ahead
from conformance.engine.processes import Children, Guard
from shinsei_testbed import module_command

REPEATS = [
    sys.executable,
    "-I",
    "-S",
    "-c",
    "import sys,time; from pathlib import Path; Path(sys.stdin.readline().strip()).write_text('{}'); time.sleep(60)",
]


def test_the_order_is_handed_over_once_and_the_run_owns_the_process(tmp_path: Path) -> None:
    ahead = Ahead(REPEATS)
    with Guard(tmp_path) as guard, Children(tmp_path, guard) as children:
        assert children.adopt("world", ahead.take(str(tmp_path / "ready.json")))
        assert children.wait_ready("world", tmp_path / "ready.json", 20) == {}
        assert ahead.take("again") is None
    assert ahead.process.returncode == -signal.SIGTERM


def test_a_process_that_has_ended_takes_no_order(tmp_path: Path) -> None:
    ahead = Ahead([sys.executable, "-I", "-S", "-c", ""])
    ahead.process.wait()
    with Guard(tmp_path) as guard, Children(tmp_path, guard) as children:
        assert not children.adopt("world", ahead.take("x"))
    ahead.close()


def test_one_that_nobody_takes_is_ended() -> None:
    ahead = Ahead(REPEATS)
    ahead.close()
    assert ahead.process.returncode == -signal.SIGKILL


def test_a_world_without_an_order_ends_in_peace() -> None:
    done = subprocess.run(
        module_command("mock_services.serve", "--config", "-"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
