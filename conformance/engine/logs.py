"""What processes print, kept up to a bound: a product that floods its output does not fill the disk."""

from __future__ import annotations

from pathlib import Path
from typing import IO

LARGEST_LOG = 4 * 1024 * 1024
PIECE = 65536


def keep_log(pipe: IO[bytes], path: Path, most: int = LARGEST_LOG) -> None:
    """Writes what comes from ``pipe`` to ``path`` until it ends: ``most`` bytes; the rest is thrown away, which is said."""
    with path.open("ab") as log:
        size = path.stat().st_size
        said = size > most
        while piece := _read(pipe):
            log.write(piece[: max(most - size, 0)])
            log.flush()
            size += len(piece)
            if size > most and not said:
                said = True
                log.write(cut_note(most))


def _read(pipe: IO[bytes]) -> bytes:
    """What is there now; b"" at the end."""
    read1 = getattr(pipe, "read1", pipe.read)
    piece: bytes = read1(PIECE)
    return piece


def cut_note(most: int) -> bytes:
    """What stands at the end of a log that was cut."""
    return f"\n［{most} バイトで打ち切り / cut at {most} bytes］\n".encode()
