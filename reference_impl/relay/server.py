"""The sockets: read a request head, ask `policy`, connect from the configured address, pump bytes, log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from reference_impl.relay import policy
from reference_impl.relay.access_log import AccessLog, Entry
from reference_impl.relay.config import RelayConfig

CHUNK = 65536
PHRASES = {
    200: "Connection established",
    400: "Bad Request",
    403: "Forbidden",
    405: "Method Not Allowed",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
}


class Refusal(Exception):
    """The request gets ``status``; ``reason`` goes to the access log."""

    def __init__(self, status: int, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(reason)


class Relay:
    """One relay: `start`, then `stop`. Open tunnels are logged when they end, at the latest by `stop`."""

    def __init__(self, config: RelayConfig, log: AccessLog) -> None:
        self._config = config
        self._log = log
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Accept from now on; the address and port in use. Raises OSError when the address cannot be had."""
        config = self._config
        self._server = await asyncio.start_server(
            self._accepted, config.listen_host, config.listen_port, limit=config.limits.head_bytes, backlog=256
        )
        host, port = self._server.sockets[0].getsockname()[:2]
        listening = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if config.ready_file is not None:
            write_ready(config.ready_file, listening)
        return listening

    async def stop(self) -> None:
        """Take no more clients, cut every tunnel, write what is not yet in the log."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._log.close()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 — asyncio runs this callback as a task
        self._tasks.add(task)
        peer = writer.get_extra_info("peername")
        entry = self._log.open_entry(str(peer[0]) if peer else "")
        refused = None
        try:
            try:
                await self._serve(reader, writer, entry)
            except Refusal as refusal:
                entry.status, entry.reason = refusal.status, refusal.reason
                refused = refusal.status
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                entry.reason = entry.reason or f"client-gone: {type(error).__name__}"
            finally:
                self._log.write(entry)  # before a refusal leaves: whoever was refused finds it in the log
            if refused is not None:
                await _answer(writer, refused)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, entry: Entry) -> None:
        entry.method, entry.target, version = await self._head(reader)
        decision = policy.decide(
            entry.method, entry.target, entry.client, allow=self._config.allow, clients=self._config.clients
        )
        entry.host, entry.port, entry.reason = decision.host, decision.port, decision.reason
        if not decision.allowed:
            raise Refusal(decision.status, decision.reason)
        if version not in ("HTTP/1.1", "HTTP/1.0"):
            raise Refusal(505, "http-version")
        entry.verdict = "allow"
        far_reader, far_writer = await self._connect(decision.host, decision.port)
        try:
            entry.status = 200
            writer.write(f"HTTP/1.1 200 {PHRASES[200]}\r\n\r\n".encode())
            await writer.drain()
            await self._tunnel(reader, writer, far_reader, far_writer, entry)
        finally:
            far_writer.close()

    async def _head(self, reader: asyncio.StreamReader) -> tuple[str, str, str]:
        """Method, target and version of a complete request head; Refusal when there is none in time and size."""
        try:
            async with asyncio.timeout(self._config.limits.head_seconds):
                head = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            raise Refusal(408, "head-timeout") from None
        except asyncio.LimitOverrunError:
            raise Refusal(431, "head-too-large") from None
        except asyncio.IncompleteReadError as error:
            if not error.partial:
                raise
            raise Refusal(400, "incomplete-head") from None
        try:
            line, *fields = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        except UnicodeDecodeError:
            raise Refusal(400, "not-ascii") from None
        parts = line.split(" ")
        if len(parts) != 3 or not all(parts) or "\n" in head.decode("ascii").replace("\r\n", ""):
            raise Refusal(400, "bad-request-line")
        if any(":" not in one or one[0] in " \t" for one in fields):
            raise Refusal(400, "bad-header")
        return parts[0], parts[1], parts[2]

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = self._config.hosts.get(host)
        try:
            async with asyncio.timeout(self._config.limits.connect_seconds):
                if address is None:
                    address = await resolve(host, port)
                source = self._config.source_address
                return await asyncio.open_connection(
                    address, port, local_addr=None if source is None else (source, 0), limit=CHUNK
                )
        except TimeoutError:
            raise Refusal(504, "connect-timeout") from None
        except OSError as error:
            raise Refusal(502, f"connect-failed: {type(error).__name__}") from None

    async def _tunnel(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
        entry: Entry,
    ) -> None:
        idle = self._config.limits.idle_seconds
        clock = asyncio.get_running_loop().time

        async def up() -> None:
            async for size in _pump(reader, far_writer):
                entry.bytes_up += size
                watch.reschedule(clock() + idle)

        async def down() -> None:
            async for size in _pump(far_reader, writer):
                entry.bytes_down += size
                watch.reschedule(clock() + idle)

        try:
            async with asyncio.timeout(idle) as watch, asyncio.TaskGroup() as group:
                group.create_task(up())
                group.create_task(down())
        except* TimeoutError:
            entry.reason = "idle-timeout"
        except* ConnectionError as broken:
            entry.reason = f"reset: {type(broken.exceptions[0]).__name__}"


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> AsyncIterator[int]:
    """Copy until ``source`` ends, then close only this direction of ``sink``; yields the size of each piece."""
    while piece := await source.read(CHUNK):
        sink.write(piece)
        await sink.drain()
        yield len(piece)
    if sink.can_write_eof():
        with contextlib.suppress(OSError):  # the other side may be gone already: nothing is left to close
            sink.write_eof()


async def resolve(host: str, port: int) -> str:
    """The address of a name that is allowed but not in ``[hosts]``, by the operating system. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return str(found[0][4][0])


async def _answer(writer: asyncio.StreamWriter, status: int) -> None:
    allow = "Allow: CONNECT\r\n" if status == 405 else ""
    with contextlib.suppress(ConnectionError):  # a client that left does not need its refusal
        writer.write(
            f"HTTP/1.1 {status} {PHRASES[status]}\r\n{allow}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()


def write_ready(path: Path, listening: str) -> None:
    """Tell the harness where the relay listens; readers never see half a file."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_text(json.dumps({"listen": listening}) + "\n", encoding="utf-8")
    beside.replace(path)
