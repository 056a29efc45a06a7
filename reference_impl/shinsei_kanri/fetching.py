"""Several at a time fetched, and meanwhile what has arrived handed on in portions; memory stays bounded."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeVar

MOST = 50
"""In one portion: enough to share the cost of a transaction."""
PAUSE_SECONDS = 0.02
"""A portion ends when nothing comes for so long: slow arrivals do not wait for each other."""

Row = TypeVar("Row")
Fetched = TypeVar("Fetched")


def portions(
    rows: Iterable[Row], fetch: Callable[[Row], Fetched | None], threads: int, stopping: threading.Event
) -> Generator[list[Fetched], None, None]:
    """What ``fetch`` makes of ``rows`` (None: nothing), in any order, while ``threads`` of them go on.

    After an error of ``fetch``, or when ``stopping`` is set, no further row is begun. An error is raised when everything
    that had arrived was handed on. All threads have ended when the iterator has, or was closed.
    """
    waiting: queue.SimpleQueue[Row] = queue.SimpleQueue()
    arrived: queue.SimpleQueue[Fetched | _End | None] = queue.SimpleQueue()
    closed, errors = threading.Event(), list[Exception]()
    for row in rows:
        waiting.put(row)

    def work() -> None:
        while not (errors or closed.is_set() or stopping.is_set()):
            try:
                arrived.put(fetch(waiting.get_nowait()))
            except queue.Empty:
                break
            except Exception as error:
                errors.append(error)
        arrived.put(_END)

    workers = [threading.Thread(target=work, daemon=True, name=f"fetch-{number}") for number in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield from _portions(arrived, threads)
    finally:
        closed.set()
        for worker in workers:
            worker.join()
    if errors:
        raise errors[0]


class _End:
    """A thread has ended."""


_END = _End()


def _portions(arrived: queue.SimpleQueue[Fetched | _End | None], running: int) -> Iterator[list[Fetched]]:
    while running:
        portion: list[Fetched] = []
        while running and len(portion) < MOST:
            try:
                one = arrived.get(timeout=PAUSE_SECONDS if portion else None)
            except queue.Empty:
                break
            if isinstance(one, _End):
                running -= 1
            elif one is not None:
                portion.append(one)
        if portion:
            yield portion


class Room:
    """Bytes that may lie in memory at once. What needs more than all of it waits until it is alone."""

    def __init__(self, size: int) -> None:
        self._size, self._used, self._closed = size, 0, False
        self._changed = threading.Condition()

    def take(self, size: int) -> None:
        """Wait until there is room for ``size`` bytes."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._used or self._used + size <= self._size)
            self._used += size

    def give(self, size: int) -> None:
        """What `take` took is free again."""
        with self._changed:
            self._used -= size
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody will give any more: nobody waits any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
