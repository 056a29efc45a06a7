"""The one source of time of this system."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

JST = timezone(timedelta(hours=9), "JST")


class Clock:
    """The system clock, or one that starts at ``start`` and then ticks with real time."""

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start
        self._began = time.monotonic()

    def now(self) -> datetime:
        """Now, aware, in Japanese time."""
        if self._start is None:
            return datetime.now(UTC).astimezone(JST)
        return (self._start + timedelta(seconds=time.monotonic() - self._began)).astimezone(JST)
