"""Structured log lines on standard error: JSON, without personal data and without secrets."""

from __future__ import annotations

import json
import threading
from typing import TextIO

from reference_impl.shinsei_kanri.clock import Clock

Field = str | int | bool | None


class Journal:
    """Writes one JSON object a line. Callers pass receipt numbers, counts and error classes: never names or values."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream, self._clock = stream, clock
        self._lock = threading.Lock()

    def write(self, event: str, **fields: Field) -> None:
        line = json.dumps({"at": self._clock.now().isoformat(timespec="milliseconds"), "event": event, **fields})
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()
