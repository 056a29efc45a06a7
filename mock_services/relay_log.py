"""The access log that a relay writes, as the world reads it: each line once, up to a bound that the kernel keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MOST_BYTES = 64 * 1024 * 1024
"""A relay is not allowed to write a longer file; a client that asks without end does not fill the disk by it."""
MOST_LINES = 10_000
"""Lines of one answer."""


class RelayLog:
    """``most``: bytes; a log that has reached them is `full`."""

    def __init__(self, path: Path, most: int = MOST_BYTES) -> None:
        self.path, self.most = path, most
        self._starts = [0]
        """Where each line that is whole begins, and where the next one will."""

    @property
    def full(self) -> bool:
        """Whether what comes now is lost."""
        return self._size() >= self.most

    def lines(self) -> int:
        """How many lines are whole."""
        size = self._size()
        if size > self._starts[-1]:
            with self.path.open("rb") as file:
                file.seek(self._starts[-1])
                at = self._starts[-1]
                for line in file:
                    at += len(line)
                    if line.endswith(b"\n"):
                        self._starts.append(at)
        return len(self._starts) - 1

    def after(self, since: int) -> list[dict[str, Any]]:
        """The lines after the first ``since``, oldest first, at most `MOST_LINES`; one still being written is not among them."""
        last = min(self.lines(), since + MOST_LINES)
        if since >= last:
            return []
        with self.path.open("rb") as file:
            file.seek(self._starts[since])
            text = file.read(self._starts[last] - self._starts[since]).decode("utf-8", errors="replace")
        return [_object(line) for line in text.split("\n")[:-1]]

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0


def _object(line: str) -> dict[str, Any]:
    """A line as an object; one that is none is kept as it is under ``unreadable``, for whoever judges the log."""
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        entry = None
    return entry if isinstance(entry, dict) else {"unreadable": line}
