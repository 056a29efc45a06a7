"""Listening sockets: they name their protocol, tell who connects, and say which field is to blame."""

from __future__ import annotations

import socket

import pytest

from mock_services.listener import PortInUseError, listen


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
