"""A uvicorn server on a socket of ours: many in one loop, peers seen at TCP level, connections that can be dropped."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_GRACE_SECONDS = 0.5
"""What a running answer gets when the world stops; the whole world has two seconds."""


class PortInUseError(OSError):
    """``field`` of the configuration names an address that cannot be bound; ``str()`` is one sentence."""

    def __init__(self, field: str, address: str, port: int, reason: OSError) -> None:
        self.field = field
        super().__init__(
            f"{field}: {address}:{port} で待ち受けできません（{reason.strerror}）。別のポートか 0 を指定してください。 / "
            f"cannot listen on {address}:{port} ({reason.strerror}); choose another port or 0."
        )


class WatchedSocket(socket.socket):
    """A listening socket that tells who connects, before any TLS or HTTP."""

    on_accept: Callable[[str], None] | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        connection, peer = super().accept()
        if self.on_accept is not None:
            self.on_accept(f"{peer[0]}:{peer[1]}")
        return connection, peer


def listen(address: str, port: int, field: str) -> WatchedSocket:
    """A bound and listening socket. PortInUseError naming ``field``."""
    # With the protocol named, asyncio sets TCP_NODELAY; without it every short answer costs 40 ms.
    sock = WatchedSocket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(512)
    except OSError as error:
        sock.close()
        raise PortInUseError(field, address, port, error) from None
    sock.setblocking(False)
    return sock


class Gathering:
    """A connection that can hold back what is written, so that it leaves in one piece; all else is the transport's own.

    Two writes are two encryptions, two system calls and two wake-ups of the client.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None
        self.is_closing = transport.is_closing

    def gather(self) -> None:
        """From here on hold back what is written."""
        self._held = []

    def let_go(self) -> None:
        """Send what was held back."""
        held, self._held = self._held, None
        if held:
            self._transport.writelines(held)

    def write(self, data: bytes) -> None:
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    def close(self) -> None:
        self.let_go()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Protocol(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, Gathering(transport)))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


class Listener:
    """One server of the world. ``tls`` is used as given (its SNI callback may swap certificates)."""

    def __init__(self, app: Any, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,  # the world's own time, see `mock_services.asgi`
            timeout_keep_alive=75,
        )
        self._config.load()
        self._sock, self._tls = sock, tls
        self._state = ServerState()
        self._accepting: asyncio.Task[None] | None = None
        self._handshakes: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Return when the server accepts."""
        self._accepting = asyncio.create_task(self._accept())

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._sock)
            shake = loop.create_task(self._shake_hands(connection))
            self._handshakes.add(shake)
            shake.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, connection: socket.socket) -> None:
        def protocol() -> asyncio.Protocol:
            return _Protocol(self._config, self._state, {})

        try:
            await asyncio.get_running_loop().connect_accepted_socket(protocol, connection, ssl=self._tls)
        except OSError:  # ssl.SSLError is one: the peer does not want this certificate, or is gone
            connection.close()

    async def stop(self) -> None:
        """Accept no more, let running answers end (half a second at most), close everything."""
        if self._accepting is None:
            return
        self._accepting.cancel()
        for shake in self._handshakes:
            shake.cancel()
        self.drop_connections()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _GRACE_SECONDS
        while (self._state.connections or self._state.tasks) and loop.time() < deadline:
            await asyncio.sleep(0.005)
        for task in self._state.tasks:
            task.cancel()
        for connection in list(self._state.connections):
            connection.transport.abort()
        self._sock.close()

    def drop_connections(self) -> None:
        """Close what is idle at once and the rest after its running answer: the next call needs a new handshake."""
        for connection in list(self._state.connections):
            connection.shutdown()
