"""The world's clock: it starts where it was set and then ticks with real time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta


class WorldClock:
    """Injected everywhere; ``tick`` gives seconds that only grow (real time by default)."""

    def __init__(self, start: datetime, tick: Callable[[], float] = time.monotonic) -> None:
        self._tick = tick
        self._standing: datetime | None = None
        self.set(start)

    def set(self, now: datetime) -> None:
        """Set the clock. ValueError when ``now`` has no zone."""
        if now.tzinfo is None:
            raise ValueError("時刻には時間帯が要ります / the time needs a zone")
        self._start, self._origin = now, self._tick()

    @contextmanager
    def standing(self, at: datetime) -> Iterator[None]:
        """Within, it is always ``at``; afterwards it has gone on as if nothing had been."""
        self._standing = at
        try:
            yield
        finally:
            self._standing = None

    def now(self) -> datetime:
        if self._standing is not None:
            return self._standing
        return self._start + timedelta(seconds=self._tick() - self._origin)
