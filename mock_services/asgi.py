"""From ASGI to `Request`/`Answer` and back, with recording; also the two disturbances that live below HTTP."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, Protocol, cast

from mock_services.http import Answer, Request, json_answer
from mock_services.logs import LOGGER, log_exchange
from mock_services.recorder import Recorder

HEALTH_PATH = "/-/health"
"""On every door of the world, beside what its contract says."""
MAX_REQUEST_BODY = 1024 * 1024
"""Calls carry no more upwards unless the system says so; the rest is drained and the request refused."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger(LOGGER)


class Service(Protocol):
    """One simulated system behind HTTP."""

    @property
    def system(self) -> str: ...

    async def handle(self, request: Request) -> Answer: ...


class ServiceApp:
    """ASGI application of one service. Uvicorn's connection is expected in ``scope["state"]["transport"]``."""

    def __init__(
        self,
        service: Service,
        recorder: Recorder,
        max_body: int = MAX_REQUEST_BODY,
        openapi: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """``openapi``: what the door answers to, where no surface of the profile says it."""
        self._service, self._recorder, self._max_body = service, recorder, max_body
        self.openapi = openapi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")
        if scope["path"] == HEALTH_PATH:
            await _send(scope, receive, send, self._health(), self._recorder.clock.now())
            return
        body, size, cut = await _read_body(receive, self._max_body)
        request = _request(scope, body, size, cut)
        try:
            answer = await self._service.handle(request)
        except Exception as error:  # the simulated system must never be the reason that a run hangs
            log.exception("internal", extra={"system": self._service.system, "error": type(error).__name__})
            answer = Answer(500, faults=("internal-error",))
        try:
            recorder = self._recorder
            seq = recorder.newest if answer.aside else recorder.record(self._service.system, request, answer)
            log_exchange(self._service.system, answer.operation, answer.status, answer.faults)
            date = self._recorder.clock.now() + timedelta(seconds=answer.date_skew)
            await _send(scope, receive, send, answer, date)
            if answer.when_sent is not None and not answer.aside:
                answer.when_sent(seq)
        finally:
            if answer.file is not None:
                answer.file.gone()

    def _health(self) -> Answer:
        """Ours, not the contract's: neither recorded nor disturbed."""
        return json_answer(200, {"status": "ok", "system": self._service.system})


async def _read_body(receive: Receive, most: int) -> tuple[bytes, int, bool]:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts), size, True
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= most:
            parts.append(chunk)
        if not message.get("more_body", False):
            return b"".join(parts), size, size > most


def _request(scope: Scope, body: bytes, size: int, cut: bool) -> Request:
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    target = raw_path.partition(b"?")[0] + (b"?" + query if query else b"")
    client = scope.get("client") or ("", 0)
    head = len(scope["method"]) + len(target) + len(" HTTP/1.1\r\n") + 1
    head += sum([len(name) + len(value) + len(": \r\n") for name, value in scope["headers"]]) + len("\r\n")
    return Request(
        method=scope["method"],
        target=target.decode("latin-1"),
        headers=tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]),
        body=body,
        peer=f"{client[0]}:{client[1]}",
        body_cut=cut,
        upward=head + size,
    )


async def _send(scope: Scope, receive: Receive, send: Send, answer: Answer, date: datetime) -> None:
    if answer.send == "none":
        _transport(scope).abort()
        await _gone(receive)
        return
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    length = answer.size if answer.announced is None else answer.announced
    if answer.status != 204:
        headers.append((b"content-length", str(length).encode()))
    headers.append((b"date", _http_date(date.replace(microsecond=0))))
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    if answer.send == "whole" and not answer.piece and answer.file is None:
        await _send_at_once(scope, send, start, answer.body)
        return
    await send(start)
    for piece in answer.pieces():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        if answer.every_ms:
            await asyncio.sleep(answer.every_ms / 1000)
    if answer.send == "whole":
        await send({"type": "http.response.body", "body": b""})
        return
    if answer.send == "reset":
        await asyncio.sleep(_ON_ITS_WAY)
        _reset(_transport(scope))
    else:
        _transport(scope).close()
    await _gone(receive)


async def _send_at_once(scope: Scope, send: Send, start: Message, body: bytes) -> None:
    """Head and body; over a connection of ours they leave in one write."""
    connection = scope.get("state", {}).get("transport")
    if connection is not None:
        connection.gather()
    try:
        await send(start)
        await send({"type": "http.response.body", "body": body})
    finally:
        if connection is not None:
            connection.let_go()


@lru_cache(maxsize=16)
def _http_date(moment: datetime) -> bytes:
    return format_datetime(moment.astimezone(UTC), usegmt=True).encode()


_ON_ITS_WAY = 0.05
"""Seconds that the first bytes get before a reset: a reset drops what has not left the machine."""


def _reset(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _transport(scope: Scope) -> asyncio.Transport:
    transport = scope.get("state", {}).get("transport")
    if transport is None:
        raise RuntimeError("this disturbance needs a real connection")
    return cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it


async def _gone(receive: Receive) -> None:
    """Wait until the connection is really lost, so that the server below does not answer in our place."""
    while (await receive())["type"] != "http.disconnect":
        pass
