"""What every simulated system speaks: a request in, an answer out; no framework type leaves this module's users."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl

Headers = tuple[tuple[str, str], ...]

_PIECE = 256 * 1024
json_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class MalformedError(ValueError):
    """The request cannot be read at all (body, query); ``str()`` is one sentence without any value."""


@dataclass(frozen=True)
class Request:
    """One HTTP request. ``target`` is the raw path with query as it stood on the request line.

    ``upward``: bytes that came up with it: request line, headers, the whole body.
    """

    method: str
    target: str
    headers: Headers
    body: bytes
    peer: str = ""
    body_cut: bool = False
    upward: int = 0

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """The first header of that name, any case; None when absent."""
        wanted = name.lower()
        for key, value in self.headers:
            if key.lower() == wanted:
                return value
        return None

    def query(self) -> dict[str, str]:
        """Query names and values. MalformedError for a name that stands twice or bytes that are no UTF-8."""
        text = self.target.partition("?")[2]
        if not text:
            return {}
        try:
            pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=False, errors="strict")
        except ValueError:
            raise MalformedError("問合せ文字列が UTF-8 ではありません / query is not UTF-8") from None
        found = dict(pairs)
        if len(found) != len(pairs):
            raise MalformedError("問合せ文字列に同じ名前が二度あります / a query name stands twice")
        return found

    def json_object(self) -> dict[str, Any]:
        """The JSON object in the body. MalformedError for anything else, duplicate keys included."""
        if self.body_cut:
            raise MalformedError("本文が長すぎます / body too long")
        try:
            found = json.loads(self.body.decode("utf-8"), object_pairs_hook=_no_duplicates)
        except (ValueError, RecursionError):  # no UTF-8, no JSON, a number of absurd length, absurd depth
            raise MalformedError("本文が JSON ではありません / body is not JSON") from None
        if not isinstance(found, dict):
            raise MalformedError("本文が JSON オブジェクトではありません / body is not a JSON object")
        return found


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("JSON に同じ名前が二度あります / a JSON key stands twice")
    return found


@dataclass(frozen=True)
class BigBody:
    """A body that lies in a file and is sent piece by piece. ``passing``: of this one answer; the file goes with it."""

    path: Path
    size: int
    sha256: str
    passing: bool = False

    def gone(self) -> None:
        """The answer was sent, or will not be."""
        if self.passing:
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. What is not a default here is a disturbance below HTTP; they compose.

    ``send`` "cut": the full Content-Length is announced, ``cut_at`` bytes are sent, the connection is closed.
    "reset": the same, but the connection is reset. "none": the connection is closed without a byte.
    ``piece``: that many bytes at a time, every ``every_ms`` milliseconds.
    ``announced``: another Content-Length than the body has. ``date_skew``: seconds that the Date header is off.
    ``file``: the body, when it is too big to be held (``body`` is empty then).
    ``when_sent``: called with the number of the recorded exchange when the answer has left us.
    ``aside``: the call is not of this run: no evidence of it is kept.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    operation: str = ""
    faults: tuple[str, ...] = ()
    send: Literal["whole", "cut", "reset", "none"] = "whole"
    cut_at: int = 0
    announced: int | None = None
    piece: int = 0
    every_ms: int = 0
    date_skew: int = 0
    file: BigBody | None = None
    when_sent: Callable[[int], None] | None = None
    aside: bool = False

    @property
    def size(self) -> int:
        """Bytes of the whole body."""
        return len(self.body) if self.file is None else self.file.size

    @property
    def sent(self) -> int:
        """Bytes of the body that leave us."""
        return {"whole": self.size, "none": 0}.get(self.send, self.cut_at)

    def pieces(self) -> Iterator[bytes]:
        """The body as far as it is sent, in the pieces in which it is sent."""
        size = self.piece or _PIECE
        if self.file is None:
            for start in range(0, self.sent, size):
                yield self.body[start : min(start + size, self.sent)]
            return
        with self.file.path.open("rb") as file:
            for start in range(0, self.sent, size):
                yield file.read(min(size, self.sent - start))

    def in_memory(self) -> Answer:
        """The same with its body in memory, for whoever has to change it."""
        if self.file is None:
            return self
        body = self.file.path.read_bytes()
        self.file.gone()
        return replace(self, body=body, file=None)


def json_answer(status: int, content: object, headers: Headers = ()) -> Answer:
    return json_text_answer(status, json_text(content), headers)


def json_text_answer(status: int, text: str, headers: Headers = ()) -> Answer:
    """`json_answer` of what is JSON text already."""
    return Answer(status, (("Content-Type", "application/json; charset=utf-8"), *headers), text.encode())
