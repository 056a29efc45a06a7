"""Mutants of the embedded relay in code, each replacing one attribute from outside. Imports little: relays start with it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

from testbed.mutants.model import Mutant

POLICY = "reference_impl.relay.policy"
SERVER = "reference_impl.relay.server"
LOG = "reference_impl.relay.access_log"
MEGABYTE = 1 << 20
MANY_REFUSALS = 150
SHORT_IDLE_SECONDS = 0.8
UNREACHABLE = "127.0.0.2"
OTHER_NAMES = (b"other.lgwan.test",)


def _cuts(original: Callable[..., AsyncIterator[int]]) -> Callable[..., AsyncIterator[int]]:
    async def pump(source: Any, sink: Any) -> AsyncIterator[int]:
        passed = 0
        async for size in original(source, sink):
            passed += size
            yield size
            if passed > MEGABYTE:
                sink.close()
                return

    return pump


def _suffix(original: Callable[..., Any]) -> Callable[..., Any]:
    def decide(method: str, target: str, client: str, *, allow: Any, clients: Any) -> Any:
        decision = original(method, target, client, allow=allow, clients=clients)
        if decision.reason == "name-not-listed" and any(decision.host.endswith(name) for name, _ in allow):
            return type(decision)(True, 200, "listed", decision.host, decision.port)
        return decision

    return decide


def _any_port(_original: Any) -> Callable[..., bool]:
    def port_listed(_host: str, _port: int, _allow: Any) -> bool:
        return True

    return port_listed


def _bans(original: Callable[..., Any]) -> Callable[..., Any]:
    refusals = {"count": 0}

    def decide(method: str, target: str, client: str, **more: Any) -> Any:
        decision = original(method, target, client, **more)
        refusals["count"] += not decision.allowed
        if decision.allowed and refusals["count"] > MANY_REFUSALS:
            return type(decision)(False, 403, "banned", decision.host, decision.port)
        return decision

    return decide


def _logs_allowed_only(original: Callable[..., None]) -> Callable[..., None]:
    def write(self: Any, entry: Any) -> None:
        if entry.verdict == "allow":
            original(self, entry)

    return write


def _logs_no_target(original: Callable[..., None]) -> Callable[..., None]:
    def write(self: Any, entry: Any) -> None:
        entry.target = entry.host = ""
        original(self, entry)

    return write


def _logs_no_verdict(original: Callable[..., None]) -> Callable[..., None]:
    def write(self: Any, entry: Any) -> None:
        entry.verdict, entry.reason, entry.status = "", "", 0
        original(self, entry)

    return write


def _addresses_are_names(original: Callable[..., Any]) -> Callable[..., Any]:
    def decide(method: str, target: str, client: str, **more: Any) -> Any:
        decision = original(method, target, client, **more)
        if decision.reason == "ip-literal" and ":" not in decision.host:
            return type(decision)(True, 200, "listed", decision.host, decision.port)
        return decision

    return decide


def _refuses_all(_original: Any) -> Callable[..., bool]:
    def name_listed(_host: str, _allow: Any) -> bool:
        return False

    return name_listed


def _host_decides(original: Callable[..., Any]) -> Callable[..., Any]:
    async def head(self: Any, reader: Any) -> tuple[str, str, str]:
        raw = await reader.readuntil(b"\r\n\r\n")
        reader.feed_data(b"")
        words = raw.split(b"\r\n")[0].decode("ascii", "replace").split(" ")
        named = [line.split(b":", 1)[1].strip() for line in raw.split(b"\r\n") if line.lower().startswith(b"host:")]
        if len(words) != 3 or not named:
            return await _refuse_head(original, self, reader)
        return words[0], named[0].decode("ascii", "replace"), words[2]

    return head


async def _refuse_head(original: Callable[..., Any], relay: Any, reader: Any) -> tuple[str, str, str]:
    reader.feed_eof()
    found: tuple[str, str, str] = await original(relay, reader)
    return found


def _search_domain(original: Callable[..., Any]) -> Callable[..., Any]:
    def decide(method: str, target: str, client: str, **more: Any) -> Any:
        decision = original(method, target, client, **more)
        if decision.allowed and ".:" in target:
            return type(decision)(True, 200, "listed", f"{decision.host}.search.test", decision.port)
        return decision

    return decide


def _speaks_socks(original: Callable[..., Any]) -> Callable[..., Any]:
    async def serve(self: Any, reader: Any, writer: Any, entry: Any) -> None:
        first = await reader.readexactly(1)
        if first != b"\x04":
            reader._buffer[:0] = first
            await original(self, reader, writer, entry)
            return
        rest = await reader.readexactly(8)
        address = ".".join(str(one) for one in rest[3:7])
        _, far = await asyncio.open_connection(address, int.from_bytes(rest[1:3], "big"))
        writer.write(b"\0\x5a" + rest[1:7])
        await writer.drain()
        far.close()

    return serve


def _follows_inner_name(original: Callable[..., Any]) -> Callable[..., Any]:
    async def tunnel(self: Any, reader: Any, writer: Any, far_reader: Any, far_writer: Any, entry: Any) -> None:
        hello = await reader.read(4096)
        named = next((one for one in OTHER_NAMES if one in hello), b"")
        if named:
            far_writer.close()
            far_reader, far_writer = await asyncio.open_connection(named.decode(), entry.port)
        far_writer.write(hello)
        await original(self, reader, writer, far_reader, far_writer, entry)

    return tunnel


def _cuts_idle(original: Callable[..., Any]) -> Callable[..., Any]:
    async def tunnel(self: Any, *more: Any) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SHORT_IDLE_SECONDS):
                await original(self, *more)

    return tunnel


def _looks_up_v4(original: Callable[..., Any]) -> Callable[..., Any]:
    async def connect(self: Any, host: str, port: int) -> Any:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET)
            address = str(found[0][4][0])
        except OSError:
            address = UNREACHABLE
        if address.startswith("172."):  # the inside is not followed: another mistake
            address = UNREACHABLE
        pinned = dataclasses.replace(self._config, hosts={host: address})
        return await original(type(self)(pinned, self._log), host, port)

    return connect


def _empty_allows_all(original: Callable[..., Any]) -> Callable[..., Any]:
    def decide(method: str, target: str, client: str, *, allow: Any, clients: Any) -> Any:
        decision = original(method, target, client, allow=allow, clients=clients)
        if not allow and decision.reason == "name-not-listed":
            return type(decision)(True, 200, "listed", decision.host, decision.port)
        return decision

    return decide


def _mutant(name: str, en: str, target: str, replace: Callable[[Any], Any]) -> Mutant:
    return Mutant(name=name, ja=en, en=en, killed_by=(), target=target, replace=replace)


CODE: dict[str, Mutant] = {
    one.name: one
    for one in (
        _mutant("cut-at-a-megabyte", "large answers are cut", f"{SERVER}:_pump", _cuts),
        _mutant("suffix-match", "only the end of the name is compared", f"{POLICY}:decide", _suffix),
        _mutant("any-port", "the port is not looked at", f"{POLICY}:port_listed", _any_port),
        _mutant("bans-after-refusals", "a client is banned", f"{POLICY}:decide", _bans),
        _mutant("logs-allowed-only", "refusals are not logged", f"{LOG}:AccessLog.write", _logs_allowed_only),
        _mutant("logs-no-target", "the log names no destination", f"{LOG}:AccessLog.write", _logs_no_target),
        _mutant("logs-no-verdict", "the log does not tell the verdict", f"{LOG}:AccessLog.write", _logs_no_verdict),
        _mutant("address-literals", "addresses are treated like names", f"{POLICY}:decide", _addresses_are_names),
        _mutant("host-decides", "the destination is taken from Host", f"{SERVER}:Relay._head", _host_decides),
        _mutant("search-domain", "a trailing dot leads to the search domain", f"{POLICY}:decide", _search_domain),
        _mutant("speaks-socks", "SOCKS4 is served too", f"{SERVER}:Relay._serve", _speaks_socks),
        _mutant("inner-name", "the name inside the tunnel decides", f"{SERVER}:Relay._tunnel", _follows_inner_name),
        _mutant("cuts-idle", "idle tunnels are cut", f"{SERVER}:Relay._tunnel", _cuts_idle),
        _mutant("empty-allows-all", "an empty list allows all", f"{POLICY}:decide", _empty_allows_all),
        _mutant("looks-up-v4", "only IPv4 addresses are looked up", f"{SERVER}:Relay._connect", _looks_up_v4),
        _mutant("refuses-all", "every CONNECT is refused", f"{POLICY}:name_listed", _refuses_all),
    )
}
