"""What the relay under test writes, read and let grow up to a bound: one that logs without end harms nobody but itself."""

from __future__ import annotations

import resource
from pathlib import Path

LARGEST_FILE = 1 << 30
"""Bytes that any one file of the relay may reach; a write beyond them fails, as on a full disk."""
MOST_READ = 1 << 20
MOST_LINES, MOST_OF_ONE, MOST_LINE = 400, 20, 4000
"""Lines that are kept of a whole log and of what one request added to it; characters of a line."""


def prepared() -> None:
    """For ``preexec_fn``: no file that this process or its children write grows beyond `LARGEST_FILE`."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


def size(path: Path) -> int:
    """Bytes so far; 0 while there is no such file."""
    return path.stat().st_size if path.is_file() else 0


def tail(path: Path, most: int) -> bytes:
    """The last ``most`` bytes."""
    return _read(path, max(size(path) - most, 0), most)


def last_lines(path: Path) -> list[str]:
    """The last lines, at most `MOST_LINES` of at most `MOST_LINE` characters."""
    return _lines(tail(path, MOST_READ))[-MOST_LINES:]


def lines_since(path: Path, offset: int) -> list[str]:
    """The first `MOST_OF_ONE` lines after ``offset`` bytes. A file that has become shorter was begun anew."""
    return _lines(_read(path, offset if size(path) >= offset else 0, MOST_READ))[:MOST_OF_ONE]


def last_words(path: Path) -> str:
    """What it said last, for one sentence."""
    return tail(path, 600).decode("utf-8", errors="replace")[-300:].strip()


def _read(path: Path, offset: int, most: int) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(most)


def _lines(data: bytes) -> list[str]:
    return [line[:MOST_LINE] for line in data.decode("utf-8", errors="replace").splitlines()]
