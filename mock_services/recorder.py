"""The recorder: every exchange of every system, on disk, bounded.

``exchanges.jsonl`` in the run folder holds one `Exchange` a line; a body that is large or no text is kept once in
``bodies/<sha256>``. What a client was answered is in the file before the answer leaves. When a bound is reached, or
the disk is full, the exchange is not recorded and `dropped` counts on: evidence never lies.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic_core import to_json

from mock_services.clock import WorldClock
from mock_services.http import Answer, Request
from mock_services.logs import LOGGER
from mock_services.models import Exchange

SMALL = 16 * 1024
"""Bodies up to this many bytes stand in the line itself when they are text."""

_HASHED = 64
"""Large bodies whose digest is remembered by identity."""
_NOTHING: dict[str, object] = {"text": "", "sha256": hashlib.sha256().hexdigest(), "size": 0}

log = logging.getLogger(LOGGER)

_DIGEST = re.compile(r"[0-9a-f]{64}")


def private(path: str, flags: int) -> int:
    """Opens a file that its owner alone can read."""
    return os.open(path, flags, 0o600)  # a product's answers may quote a municipality's real data


class Recorder:
    def __init__(
        self, run_dir: Path, clock: WorldClock, *, max_exchanges: int = 200_000, max_bytes: int = 512 * 1024 * 1024
    ) -> None:
        self.clock = clock
        self._bodies = run_dir / "bodies"
        self._bodies.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = open(run_dir / "exchanges.jsonl", "w+b", buffering=0, opener=private)  # noqa: SIM115
        self._index: list[tuple[int, int, str]] = []  # (offset, length, system) of each line
        self._end = 0
        self._bytes = 0
        self._kept: set[str] = set()
        self._hashed: dict[int, tuple[bytes, str]] = {}
        self._max_exchanges, self._max_bytes = max_exchanges, max_bytes
        self.dropped = 0
        self.upward: dict[str, int] = {}
        """Bytes that clients sent up, by system."""

    @property
    def newest(self) -> int:
        return len(self._index)

    def record(self, system: str, request: Request, answer: Answer) -> int:
        """Append one exchange, with the part of the body that left us; bytes that came up are counted at any rate.

        Its number; that of the newest one when this one is not kept.
        """
        self.upward[system] = self.upward.get(system, 0) + request.upward
        if len(self._index) >= self._max_exchanges or self._bytes >= self._max_bytes:
            self.dropped += 1
            return self.newest
        try:
            self._append(system, request, answer)
        except OSError as error:
            self.dropped += 1
            log.error("not-recorded", extra={"system": system, "error": type(error).__name__})
        return self.newest

    def _append(self, system: str, request: Request, answer: Answer) -> None:
        exchange = {  # the fields of `Exchange`
            "seq": len(self._index) + 1,
            "at": self.clock.now().isoformat(),
            "system": system,
            "operation": answer.operation,
            "peer": request.peer,
            "method": request.method,
            "target": request.target,
            "request_headers": request.headers,
            "request_body": self._body(request.body),
            "status": 0 if answer.send == "none" else answer.status,
            "response_headers": answer.headers,
            "response_body": self._sent(answer),
            "fault": ",".join(answer.faults),
        }
        line = to_json(exchange) + b"\n"
        self._write_at_end(line)
        self._index.append((self._end, len(line), system))
        self._end += len(line)
        self._bytes += len(line)

    def _write_at_end(self, line: bytes) -> None:
        """The whole line or, with OSError, nothing of it."""
        handle, rest, at = self._file.fileno(), memoryview(line), self._end
        try:
            while rest:
                written = os.pwrite(handle, rest, at)
                rest, at = rest[written:], at + written
        except OSError:
            os.ftruncate(handle, self._end)
            raise

    def _sent(self, answer: Answer) -> dict[str, object]:
        if answer.file is None:
            return self._body(answer.body if answer.send == "whole" else answer.body[: answer.sent])
        if answer.send == "whole":
            file = answer.file
            return self._big(file.sha256, file.size, lambda place: _second_name(file.path, place))
        digest = hashlib.sha256()
        for piece in answer.pieces():
            digest.update(piece)
        return self._big(digest.hexdigest(), answer.sent, lambda place: _write(place, answer.pieces()))

    def _big(self, digest: str, size: int, keep: Callable[[Path], None]) -> dict[str, object]:
        """A body that is too big to be held: kept once, piece by piece or as a second name of its file."""
        if digest not in self._kept:
            place = self._bodies / digest
            place.unlink(missing_ok=True)
            keep(place)
            self._kept.add(digest)
            self._bytes += size
        return {"text": None, "sha256": digest, "size": size}

    def _body(self, body: bytes) -> dict[str, object]:
        if not body:
            return _NOTHING
        text = _small_text(body)
        digest = hashlib.sha256(body).hexdigest() if len(body) <= SMALL else self._digest(body)
        if text is None and digest not in self._kept:
            (self._bodies / digest).write_bytes(body)
            self._kept.add(digest)
            self._bytes += len(body)
        return {"text": text, "sha256": digest, "size": len(body)}

    def _digest(self, body: bytes) -> str:
        """SHA-256; the same large object, sent again and again, is hashed once."""
        known = self._hashed.get(id(body))
        if known is None or known[0] is not body:
            if len(self._hashed) >= _HASHED:
                self._hashed.clear()
            known = self._hashed[id(body)] = (body, hashlib.sha256(body).hexdigest())
        return known[1]

    def exchanges(self, since: int = 0, system: str = "", limit: int = 10_000) -> list[Exchange]:
        """Exchanges with seq above ``since``, oldest first, at most ``limit``."""
        found: list[Exchange] = []
        for offset, length, of_system in self._index[max(since, 0) :]:
            if system and of_system != system:
                continue
            if len(found) == limit:
                break
            found.append(Exchange.model_validate_json(os.pread(self._file.fileno(), length, offset)))
        return found

    def body(self, digest: str) -> bytes:
        """A kept body. KeyError when none has this digest."""
        if _DIGEST.fullmatch(digest) is None or digest not in self._kept:
            raise KeyError(digest)
        return (self._bodies / digest).read_bytes()

    def close(self) -> None:
        self._file.close()


def _second_name(path: Path, place: Path) -> None:
    try:
        os.link(path, place)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, place)


def _write(place: Path, pieces: Iterable[bytes]) -> None:
    with place.open("wb") as out:
        out.writelines(pieces)


def _small_text(body: bytes) -> str | None:
    if len(body) > SMALL:
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text
