"""A uvicorn server on a socket of ours: many in one loop, peers seen at TCP level, connections that can be dropped."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


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


class _Protocol(HttpToolsProtocol):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


class Listener(uvicorn.Server):
    """One server of the world. ``tls`` is used as given (its SNI callback may swap certificates)."""

    def __init__(self, app: Any, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,  # the world's own time, see `mock_services.asgi`
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.ssl = tls
        super().__init__(config)
        self._sock = sock
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the world owns the signals; five servers must not fight for them

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up.set()

    async def start(self) -> None:
        """Return when the server accepts; whatever stopped it from doing so is raised."""
        self._task = asyncio.create_task(self.serve(sockets=[self._sock]))
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait({self._task, up}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            up.cancel()
            self._task.result()

    async def stop(self) -> None:
        self.should_exit = True
        if self._task is not None:
            await self._task

    def drop_connections(self) -> None:
        """Close what is idle at once and the rest after its running answer: the next call needs a new handshake."""
        for connection in list(self.server_state.connections):
            connection.shutdown()
