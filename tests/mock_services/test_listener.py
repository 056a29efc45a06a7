"""Listening sockets: they name their protocol, tell who connects, and say which field is to blame."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import pytest

from mock_services.asgi import ServiceApp
from mock_services.clock import WorldClock
from mock_services.http import Answer, Request
from mock_services.listener import Gathering, Listener, PortInUseError, listen
from mock_services.recorder import Recorder
from tests.mock_services.support import START


def test_a_listening_socket_names_tcp_so_that_asyncio_sets_nodelay() -> None:
    with listen("127.0.0.1", 0, "ports.link") as sock:
        assert sock.proto == socket.IPPROTO_TCP


def test_every_connection_is_told_before_a_byte_is_read() -> None:
    peers: list[str] = []
    with listen("127.0.20.1", 0, "ports.download") as sock:
        sock.on_accept = peers.append
        with socket.create_connection(sock.getsockname(), source_address=("127.0.30.1", 0)) as client:
            accepted, _ = sock.accept()
            accepted.close()
            assert peers == ["{}:{}".format(*client.getsockname())]


@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.99"])
def test_an_address_that_cannot_be_bound_names_the_field(address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=rf"^ports\.link: {address}:{port} .* / cannot listen") as failed:
            listen(address, port, "ports.link")
    assert failed.value.field == "ports.link"


class _Wire(asyncio.Transport):
    """Notes what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[object] = []

    def is_closing(self) -> bool:
        return False

    def write(self, data: Any) -> None:
        self.said.append(data)

    def writelines(self, list_of_data: Any) -> None:
        self.said.append(list(list_of_data))

    def close(self) -> None:
        self.said.append("closed")


def test_what_is_held_back_leaves_in_one_write_and_before_the_connection_closes() -> None:
    wire = _Wire()
    connection = Gathering(wire)
    connection.write(b"at once")
    connection.gather()
    connection.write(b"head")
    connection.write(b"body")
    assert wire.said == [b"at once"]
    connection.let_go()
    connection.gather()
    connection.write(b"last")
    connection.close()
    assert wire.said == [b"at once", [b"head", b"body"], [b"last"], "closed"]


class _Hello:
    system = "hello"

    async def handle(self, request: Request) -> Answer:
        return Answer(200, (), b"hello " + request.method.encode())


async def _written(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> list[list[bytes]]:
    """What a listener writes to a client that calls twice over one connection, the second time for the last time."""
    writes: list[list[bytes]] = []
    real = Gathering.let_go

    def noted(self: Gathering) -> None:
        if self._held:
            writes.append(list(self._held))
        real(self)

    monkeypatch.setattr(Gathering, "let_go", noted)
    sock = listen("127.0.0.1", 0, "ports.link")
    listener = Listener(ServiceApp(cast(Any, _Hello()), recorder), sock)
    await listener.start()
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"hello GET")
        writer.write(b"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        assert (await reader.read()).endswith(b"hello PUT")
    finally:
        writer.close()
        await listener.stop()
    return writes


def test_head_and_body_of_an_answer_leave_in_one_write(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path, WorldClock(START))
    writes = asyncio.run(_written(recorder, monkeypatch))
    recorder.close()
    assert [one[-1] for one in writes] == [b"hello GET", b"hello PUT"]
    assert all(head.startswith(b"HTTP/1.1 200 OK\r\n") for head, _ in writes)


class _Endless:
    system = "endless"

    async def handle(self, request: Request) -> Answer:  # noqa: ARG002 - whatever is asked
        return Answer(200, (), bytes(64 * 1024 * 1024))


def test_a_client_that_does_not_read_on_does_not_keep_the_world_from_ending(tmp_path: Any) -> None:
    recorder = Recorder(tmp_path, WorldClock(START))

    async def stopped_meanwhile() -> bytes:
        sock = listen("127.0.0.1", 0, "ports.link")
        listener = Listener(ServiceApp(cast(Any, _Endless()), recorder), sock)
        await listener.start()
        reader, writer = await asyncio.open_connection(*sock.getsockname(), limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        first = await reader.readexactly(15)
        await asyncio.wait_for(listener.stop(), 60)
        writer.close()
        return first

    assert asyncio.run(stopped_meanwhile()) == b"HTTP/1.1 200 OK"
    recorder.close()
