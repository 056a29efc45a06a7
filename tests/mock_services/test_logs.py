"""The log of a world that somebody else started: bounded, whole lines, and it says that it was cut."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TALK = """\
import logging, sys
sys.path.insert(0, {root!r})
from mock_services.logs import LOGGER, log_exchange, log_to_stderr
log_to_stderr({most})
for number in range({times}):
    log_exchange("download", "list", 200, ())
logging.getLogger(LOGGER).error("afterwards")
"""


def said(most: int | None, times: int) -> list[dict[str, object]]:
    source = TALK.format(root=str(ROOT), most=most, times=times)
    done = subprocess.run([sys.executable, "-I", "-c", source], capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_log_without_a_bound_holds_every_exchange() -> None:
    lines = said(None, 50)
    assert [one["event"] for one in lines] == ["exchange"] * 50 + ["afterwards"]


def test_a_bounded_log_ends_with_a_whole_line_and_says_so() -> None:
    lines = said(2000, 50)
    assert lines[-1] == {"event": "log-cut", "characters": 2000}
    assert 5 < len(lines) < 20
    assert {one["event"] for one in lines[:-1]} == {"exchange"}
