"""Outlives a run that was killed, by a moment: ends what the run has started and takes its secrets out of its folder.

A script of its own (``python -I -S guard.py``), started by `conformance.engine.processes`. Its owner writes lines:
first a JSON object (``mark``, ``folder``, ``secrets``, ``remove``), then ``+PGID`` and ``-PGID``, at last ``.`` when it
ends in order and does its own cleaning. When the owner is gone, however it ended, the pipe closes: the process groups
that are left are killed, and every process that carries the run's mark in its environment, whatever session it has
made for itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARK = "SHINSEI_RUN_MARK"
"""Environment variable that every process of a run inherits."""
MOST_SWEEPS = 50
"""A process that forks faster than it is found ends this; everybody else is gone after the first or second."""


def main() -> None:
    """Reads until the owner closes the pipe or dies."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    told = json.loads(sys.stdin.readline() or "{}")
    groups: set[int] = set()
    in_order = False
    for line in sys.stdin:
        match line[0]:
            case "+":
                groups.add(int(line[1:]))
            case "-":
                groups.discard(int(line[1:]))
            case _:
                in_order = True
    for group in groups:
        _kill(os.killpg, group)
    if mark := told.get("mark", ""):
        sweep(f"{MARK}={mark}".encode())
    if not in_order and told.get("secrets"):
        _clean(told)


def sweep(mark: bytes) -> None:
    """Kills every process of this user that has ``mark`` in its environment (Linux; elsewhere there is no /proc)."""
    for _ in range(MOST_SWEEPS):
        found = [pid for pid in _pids() if mark in _environment(pid)]
        if not found:
            return
        for pid in found:
            _kill(os.kill, pid)


def _pids() -> list[int]:
    try:
        names = [one.name for one in Path("/proc").iterdir()]
    except FileNotFoundError:
        return []
    return [int(name) for name in names if name.isdigit() and int(name) != os.getpid()]


def _environment(pid: int) -> set[bytes]:
    """The variables of a process as it was started; none of a process that is gone or somebody else's."""
    try:
        return set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return set()


def _kill(how: Callable[[int, int], None], number: int) -> None:
    try:
        how(number, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _clean(told: dict[str, Any]) -> None:
    """What the owner would have done at its end. Only now: the guard needs nothing of ours while it waits."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from conformance.engine.scrub import scrub

    scrub(Path(told["folder"]), told["secrets"], remove=[Path(one) for one in told["remove"]])


if __name__ == "__main__":
    main()
