"""Packets kept as evidence: those of every probe that went wrong, and a sample of the rest, in one pcapng file a run.

Each packet names the host or firewall leg that took it in, and the probe and round that it belongs to (pcapng comment).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

SNAP_BYTES = 160
MOST_FRAMES_EACH = 12
MOST_BYTES = 2 << 20
CAPTURE_FILE = "probes.pcapng"
ETHERNET = 1
NANOSECONDS = 9
IF_NAME, IF_TSRESOL, COMMENT = 2, 9, 1


@dataclass(frozen=True)
class Frame:
    """One packet: nanoseconds since 1970, ``host`` or ``firewall:leg`` that took it in, its first bytes, its whole length."""

    at: int
    place: str
    data: bytes
    length: int


@dataclass
class Capture:
    """What is kept so far. ``left_out``: packets that the limit of a run (`MOST_BYTES`) kept out of the file."""

    left_out: int = 0
    _size: int = 0
    _kept: list[tuple[str, Frame]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Packets in the file."""
        return len(self._kept)

    def keep(self, comment: str, frames: Iterable[Frame]) -> str:
        """Numbers of these packets in the file ("12-17", counted from 1 as readers of packets do); "" when none was kept."""
        ordered = sorted(frames, key=lambda one: one.at)
        size = sum(len(one.data) + 120 + len(comment.encode()) for one in ordered)
        if not ordered or self._size + size > MOST_BYTES:
            self.left_out += len(ordered)
            return ""
        first = len(self._kept) + 1
        self._size += size
        self._kept += [(comment, one) for one in ordered]
        return f"{first}-{len(self._kept)}" if len(ordered) > 1 else str(first)

    def write(self, path: Path) -> None:
        """Writes the file."""
        places = list(dict.fromkeys(one.place for _, one in self._kept))
        blocks = [_block(0x0A0D0D0A, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1))]
        for place in places:
            options = _option(IF_NAME, place.encode()) + _option(IF_TSRESOL, bytes([NANOSECONDS])) + _option(0, b"")
            blocks.append(_block(1, struct.pack("=HHI", ETHERNET, 0, SNAP_BYTES) + options))
        for comment, one in self._kept:
            head = struct.pack(
                "=IIIII", places.index(one.place), one.at >> 32, one.at & 0xFFFFFFFF, len(one.data), one.length
            )
            options = _option(COMMENT, comment.encode()) + _option(0, b"")
            blocks.append(_block(6, head + _padded(one.data) + options))
        path.write_bytes(b"".join(blocks))


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("=HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + size + body + size
