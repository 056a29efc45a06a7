"""A DNS server of a few names (RFC 1035, A records over UDP). Who asks for what is the evidence."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from mock_services.clock import WorldClock

_A, _IN, _TTL = 1, 1, 30
_ANSWER, _NAME_ERROR, _FORMAT_ERROR, _NOT_IMPLEMENTED = 0x8400, 3, 1, 4
_KEPT = 10_000


@dataclass(frozen=True)
class Query:
    """One question. ``answer``: the address, "" when the name is not known."""

    at: datetime
    peer: str
    name: str
    answer: str


class Names(asyncio.DatagramProtocol):
    """Answers one question a datagram; anything that is no question gets a format error or nothing."""

    def __init__(self, names: Mapping[str, str], clock: WorldClock) -> None:
        self._names = {name.lower().rstrip("."): address for name, address in names.items()}
        self._clock = clock
        self.queries: deque[Query] = deque(maxlen=_KEPT)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # 3.11's own is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self.reply(data, f"{addr[0]}:{addr[1]}")
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)

    def reply(self, data: bytes, peer: str) -> bytes | None:
        """The answer to one datagram; None for what is no query at all."""
        if len(data) < 12:
            return None
        number, flags, questions = struct.unpack(">HHH", data[:6])
        if flags & 0x8000:
            return None  # an answer, not a question
        opcode, wanted = flags & 0x7800, flags & 0x0100
        if opcode or questions != 1:
            return _head(number, wanted, opcode, _NOT_IMPLEMENTED if opcode else _FORMAT_ERROR)
        parsed = _question(data)
        if parsed is None:
            return _head(number, wanted, 0, _FORMAT_ERROR)
        name, kind, of_class, end = parsed
        address = self._names.get(name, "")
        self.queries.append(Query(self._clock.now(), peer, name, address))
        if not address:
            return _head(number, wanted, 0, _NAME_ERROR, questions=1) + data[12:end]
        if (kind, of_class) != (_A, _IN):
            return _head(number, wanted, 0, 0, questions=1) + data[12:end]
        record = struct.pack(">HHHIH", 0xC00C, _A, _IN, _TTL, 4) + ipaddress.IPv4Address(address).packed
        return _head(number, wanted, 0, 0, questions=1, answers=1) + data[12:end] + record


def _head(number: int, wanted: int, opcode: int, code: int, *, questions: int = 0, answers: int = 0) -> bytes:
    return struct.pack(">HHHHHH", number, _ANSWER | opcode | wanted | code, questions, answers, 0, 0)


def _question(data: bytes) -> tuple[str, int, int, int] | None:
    """(name, type, class, where the question ends); None when it breaks off or is compressed."""
    labels, at = [], 12
    while at < len(data) and data[at]:
        length = data[at]
        if length > 63 or at + 1 + length >= len(data):
            return None
        labels.append(data[at + 1 : at + 1 + length].decode("ascii", "replace").lower())
        at += 1 + length
    if at + 5 > len(data):
        return None
    kind, of_class = struct.unpack(">HH", data[at + 1 : at + 5])
    return ".".join(labels), kind, of_class, at + 5
