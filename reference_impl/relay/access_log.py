"""One JSON line a request, refused ones included: who asked for what, what was decided, how much passed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO


@dataclass
class Entry:
    """What is known about one request; bytes count the tunnel's payload only, never the CONNECT exchange itself."""

    at: str
    client: str
    method: str = ""
    target: str = ""
    host: str = ""
    port: int = 0
    verdict: str = "deny"
    reason: str = ""
    status: int = 0
    bytes_up: int = 0
    bytes_down: int = 0


class AccessLog:
    """Appends entries to a file, or to ``fallback`` when none is configured. Payload never gets here."""

    def __init__(self, path: Path | None, now: Callable[[], datetime], fallback: TextIO) -> None:
        self._stream = fallback if path is None else path.open("a", encoding="utf-8", buffering=1)
        self._owned = path is not None
        self._now = now

    def open_entry(self, client: str) -> Entry:
        return Entry(at=self._now().isoformat(timespec="milliseconds"), client=client)

    def write(self, entry: Entry) -> None:
        self._stream.write(json.dumps(asdict(entry), ensure_ascii=True) + "\n")
        self._stream.flush()

    def close(self) -> None:
        if self._owned:
            self._stream.close()
