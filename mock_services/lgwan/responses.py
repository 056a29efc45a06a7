"""The LGWAN DNS's datagrams in and out (RFC 1035, A records over UDP), and the page of その他LGWANサイト."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import Any

from mock_services.http import Answer, Request
from mock_services.lgwan.errors import DnsError, FormatError, NotAQuestionError, QueryKindError
from mock_services.lgwan.models import Names

_A, _IN, _TTL = 1, 1, 30
_ANSWER = 0x8400


def visited(request: Request) -> Answer:
    """Every call is answered alike; that somebody came is what counts (the recorder has it)."""
    page = "その他LGWANサイト / another LGWAN site\n"
    body = b"" if request.method == "HEAD" else page.encode()
    return Answer(200, (("Content-Type", "text/plain; charset=utf-8"),), body, operation="visit")


def site_openapi() -> dict[str, Any]:
    """The OpenAPI document of その他LGWANサイト."""
    path = {"name": "path", "in": "path", "required": True, "schema": {"type": "string"}}
    answer = {"200": {"description": "来訪を記録した / the visit is recorded", "content": {"text/plain": {}}}}
    call = {"operationId": "visit", "summary": "どの経路にも同じ応答 / one answer to every path", "responses": answer}
    return {
        "openapi": "3.1.0",
        "info": {"title": "その他LGWANサイト / another LGWAN site", "version": "1"},
        "paths": {"/{path}": {"get": call | {"parameters": [path]}}},
    }


@dataclass(frozen=True)
class _Head:
    """Of a query: its number, opcode and "recursion desired", which an answer repeats."""

    number: int
    opcode: int
    wanted: int

    def answer(self, code: int, question: bytes = b"", record: bytes = b"") -> bytes:
        flags = _ANSWER | self.opcode | self.wanted | code
        return struct.pack(">HHHHHH", self.number, flags, bool(question), bool(record), 0, 0) + question + record


@dataclass(frozen=True)
class _Question:
    name: str
    kind: int
    of_class: int
    raw: bytes


def resolved(names: Names, data: bytes, peer: str) -> bytes:
    """The answer to one datagram. NotAQuestionError for what is no query at all."""
    if len(data) < 12:
        raise NotAQuestionError
    number, flags, questions = struct.unpack(">HHH", data[:6])
    if flags & 0x8000:
        raise NotAQuestionError
    head = _Head(number, flags & 0x7800, flags & 0x0100)
    question: _Question | None = None
    try:
        if head.opcode:
            raise QueryKindError
        question = _question(data, questions)
        address = names.ask(peer, question.name)
    except DnsError as error:
        return head.answer(error.code, question.raw if question is not None else b"")
    if (question.kind, question.of_class) != (_A, _IN):
        return head.answer(0, question.raw)
    record = struct.pack(">HHHIH", 0xC00C, _A, _IN, _TTL, 4) + ipaddress.IPv4Address(address).packed
    return head.answer(0, question.raw, record)


def _question(data: bytes, questions: int) -> _Question:
    """FormatError when there is not exactly one, or it breaks off or is compressed."""
    if questions != 1:
        raise FormatError
    labels, at = [], 12
    while at < len(data) and data[at]:
        length = data[at]
        if length > 63 or at + 1 + length >= len(data):
            raise FormatError
        labels.append(data[at + 1 : at + 1 + length].decode("ascii", "replace").lower())
        at += 1 + length
    if at + 5 > len(data):
        raise FormatError
    kind, of_class = struct.unpack(">HH", data[at + 1 : at + 5])
    return _Question(".".join(labels), kind, of_class, data[12 : at + 5])
