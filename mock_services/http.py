"""What every simulated system speaks: a request in, an answer out; no framework type leaves this module's users."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

Headers = tuple[tuple[str, str], ...]


class MalformedError(ValueError):
    """The request cannot be read at all (body, query); ``str()`` is one sentence without any value."""


@dataclass(frozen=True)
class Request:
    """One HTTP request. ``target`` is the raw path with query as it stood on the request line."""

    method: str
    target: str
    headers: Headers
    body: bytes
    peer: str = ""
    body_cut: bool = False

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """The first header of that name, any case; None when absent."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def query(self) -> dict[str, str]:
        """Query names and values. MalformedError for a name that stands twice or bytes that are no UTF-8."""
        try:
            pairs = parse_qsl(
                self.target.partition("?")[2], keep_blank_values=True, strict_parsing=False, errors="strict"
            )
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
class Answer:
    """One HTTP answer. ``send`` other than "whole" is a disturbance below HTTP.

    "cut": the full Content-Length is announced, ``cut_at`` bytes are sent, the connection is closed.
    "reset": the same, but the connection is reset.
    "drip": ``cut_at`` bytes at a time, every ``every_ms`` milliseconds.
    "none": the connection is closed without a byte.
    ``announced``: another Content-Length than the body has. ``date_skew``: seconds that the Date header is off.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    operation: str = ""
    faults: tuple[str, ...] = ()
    send: Literal["whole", "cut", "reset", "drip", "none"] = "whole"
    cut_at: int = 0
    announced: int | None = None
    every_ms: int = 0
    date_skew: int = 0


def json_answer(status: int, content: object, headers: Headers = ()) -> Answer:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, (("Content-Type", "application/json; charset=utf-8"), *headers), body)
