"""Outlives a run that was killed, by a moment: ends every process group of the run that is still there.

A script of its own (``python -I -S guard.py``), started by `conformance.engine.processes`. It reads lines ``+PGID`` and
``-PGID`` from its owner; when the owner is gone, however it ended, the pipe closes and the groups that are left are killed.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Reads until the owner closes the pipe or dies."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
