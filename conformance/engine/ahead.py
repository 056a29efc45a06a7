"""A process of ours that loads its modules before anybody knows what it will be told: it waits for one line."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

from conformance.engine.processes import clean_environment, die_with_parent


class Ahead:
    """``command`` reads its order from standard input. When its owner ends without an order, it ends too."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=clean_environment(),
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )

    def close(self) -> None:
        """Ends the process if nobody has taken it."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.kill()
            self.process.communicate()

    def take(self, order: str) -> subprocess.Popen[bytes] | None:
        """Hands the order over, once; the process from now on is the caller's. None when it has ended already."""
        if self.process.stdin is None or self.process.stdin.closed or self.process.poll() is not None:
            return None
        with suppress(BrokenPipeError):
            self.process.stdin.write(order.encode() + b"\n")
            self.process.stdin.close()
            return self.process
        return None
