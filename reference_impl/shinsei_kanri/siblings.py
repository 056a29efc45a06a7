"""More workers than one: processes of their own, so that each has a processor. Forked, since everything is loaded already."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import TracebackType

POSSIBLE = hasattr(os, "fork")


class Siblings:
    """``count`` processes that each do ``work(gone)``; told to stop when the context ends.

    ``gone`` says whether the process that forked them has died, however that came: then they must end too. To be made
    before there is any thread or connection.
    """

    def __init__(self, count: int, work: Callable[[Callable[[], bool]], None]) -> None:
        parent = os.getpid()
        self._pids: list[int] = []
        for _ in range(count):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    work(lambda: os.getppid() != parent)
                    code = 0
                finally:
                    os._exit(code)
            self._pids.append(pid)

    def __enter__(self) -> Siblings:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)
        for pid in self._pids:
            os.waitpid(pid, 0)
