"""The ZIP of one application: held in memory, lying on disk when it is big, or made when somebody asks for it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import BinaryIO, Protocol

from mock_services.http import BigBody

_NUMBERS = count(1)
HELD = 1024 * 1024
"""Bytes up to which a package is held in memory; a bigger one lies on disk and is read piece by piece."""


class Package(Protocol):
    """``path``: where it lies; None when `read` has it at hand. ``size`` in bytes, ``sha256`` lower-case hex."""

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    @property
    def path(self) -> Path | None: ...

    @property
    def at_hand(self) -> bool:
        """Whether size, digest and bytes come at once; otherwise `prepare` has milliseconds of work before."""

    def prepare(self) -> None:
        """Do that work; in any thread."""

    def read(self) -> bytes: ...


async def ready(packages: Iterable[Package]) -> None:
    """Prepare these packages; other calls go on meanwhile."""
    for one in packages:
        if not one.at_hand:
            await asyncio.to_thread(one.prepare)  # one by one: whoever hangs up stops it


class _There:
    at_hand = True

    def prepare(self) -> None:
        return


@dataclass(frozen=True)
class Held(_There):
    """A package in memory."""

    data: bytes
    path: Path | None = None

    @property
    def size(self) -> int:
        return len(self.data)

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def read(self) -> bytes:
        return self.data


@dataclass(frozen=True)
class OnDisk(_There):
    """A big package; the file belongs to the world and is never changed."""

    path: Path
    size: int
    sha256: str

    def read(self) -> bytes:
        return self.path.read_bytes()


class Spool:
    """Takes a package as it arrives: in memory while it is small, on disk below ``folder`` from then on."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._parts, self._digest = folder, bytearray(), hashlib.sha256()
        self._file = folder / f"arriving-{id(self)}.tmp"
        self._out: BinaryIO | None = None
        self.size = 0

    def write(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.size += len(piece)
        if self._out is None and self.size > HELD:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._out = self._file.open("wb")
            self._out.write(self._parts)
            self._parts.clear()
        if self._out is None:
            self._parts += piece
        else:
            self._out.write(piece)

    def done(self) -> Package:
        """The package. A big one lies under its digest, once however often it is loaded."""
        if self._out is None:
            return Held(bytes(self._parts))
        self._out.close()
        sha256 = self._digest.hexdigest()
        path = self._file.replace(self._folder / f"{sha256}.zip")
        return OnDisk(path, self.size, sha256)

    def answer(self) -> bytes | BigBody:
        """What was written as the body of one answer; a big one stays where it arrived until it is sent."""
        if self._out is None:
            return bytes(self._parts)
        self._out.close()
        kept = self._file.replace(self._folder / f"answer-{next(_NUMBERS)}.tmp")
        return BigBody(kept, self.size, self._digest.hexdigest(), passing=True)

    def drop(self) -> None:
        """Leave nothing of an unfinished one behind."""
        if self._out is not None:
            self._out.close()
            self._file.unlink(missing_ok=True)
