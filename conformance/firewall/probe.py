"""Plays cells of the matrix: real sockets in the namespaces of their hosts, all at once, one source port per probe.

No probe is waited for one by one: a batch ends when nothing more has come in for a while; a permitted one is tried again.
"""

from __future__ import annotations

import errno
import itertools
import resource
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.firewall.build import Network
from conformance.firewall.capture import Frame
from conformance.firewall.frames import icmp_checksum
from conformance.firewall.matrix import FIREWALL_HOST, Cell
from conformance.firewall.pump import ANSWER, QUESTION, Key, Pump, Trail
from conformance.firewall.record import Class, Seen

FIRST_PORT, LAST_PORT = 20000, 59999
MOST_AT_ONCE, LEAST_AT_ONCE = 1600, 50
FILES_FOR_THE_REST = 500
HELD_SECONDS = 4.0
DRAIN_SECONDS = 0.12
TRIES = 3
SYN_RECV = "03"


@dataclass
class _Open:
    cell: Cell
    key: Key
    trail: Trail
    socket: socket.socket | None = None
    asked: bool = False
    callbacks: list[Callable[[], None]] = field(default_factory=list)


class Prober:
    """Source ports go on counting through the rounds, so that no round meets connections of an earlier one.

    ``ports``: the source port (or echo id) that each cell was last played with; ``frames``: its packets, when they are kept.
    """

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._ports = itertools.cycle(range(FIRST_PORT, LAST_PORT))
        self._icmp: dict[tuple[str, str], socket.socket] = {}
        self.ports: dict[int, int] = {}
        self.frames: dict[int, list[Frame]] = {}
        self._at_once = _at_once()

    def play(self, cells: Sequence[Cell], awaited: Collection[int]) -> dict[int, Seen]:
        """What became of each cell. ``awaited``: numbers of those that should pass; they get `TRIES` tries, a denied one gets one."""
        seen: dict[int, Seen] = {}
        for start in range(0, len(cells), self._at_once):
            seen.update(self._batch(cells[start : start + self._at_once]))
        missing: list[Cell] = []
        for _ in range(TRIES - 1):
            before = missing
            missing = [cell for cell in cells if cell.number in awaited and seen[cell.number].cls != "delivered"]
            if not missing or missing == before:  # the same twice: it is decided, not late
                break
            seen.update(self._batch(missing))
        return seen

    def control(self, cells: Sequence[Cell]) -> dict[int, Seen]:
        """With open rules: every cell should be delivered."""
        return self.play(cells, {cell.number for cell in cells})

    def _batch(self, cells: Sequence[Cell]) -> dict[int, Seen]:
        opened = [self._open(cell) for cell in cells]
        self._pump.drain(DRAIN_SECONDS)
        self._half_open_at_firewalls(opened)
        seen = {one.cell.number: self._judge(one) for one in opened}
        self.frames.update((one.cell.number, one.trail.frames) for one in opened)
        for one in opened:
            self._shut(one)
        self._pump.forget()
        return seen

    def _half_open_at_firewalls(self, opened: Sequence[_Open]) -> None:
        """A firewall that took a first packet in, but whose answer its own output rules stop, holds a half-open connection."""
        aimed = {one.cell.destination for one in opened if one.cell.protocol == "tcp"}
        for host in self._pump.network.firewalls:
            if f"{FIREWALL_HOST}{host}" in aimed:
                for port in _half_open_ports(self._pump.network, host):
                    trail = self._pump.trails.get(("tcp", port))
                    if trail is not None:
                        trail.taken = True

    def _open(self, cell: Cell) -> _Open:
        port = self.ports[cell.number] = next(self._ports)
        one = _Open(cell, (cell.protocol, port), Trail())
        self._pump.trails[one.key] = one.trail
        try:
            if cell.protocol == "icmp":
                self._echo(cell, port)
            else:
                self._connect(one, port)
        except OSError as error:
            one.trail.refusal = errno.errorcode.get(error.errno or 0, "?")
            self._shut(one)
        return one

    def _echo(self, cell: Cell, ident: int) -> None:
        raw = self._icmp.get((cell.source, cell.family))
        if raw is None:
            with self._pump.network.ns.inside(cell.source):
                raw = (
                    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
                    if cell.family == "v4"
                    else socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
                )
            raw.setblocking(False)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            self._icmp[(cell.source, cell.family)] = raw
        kind = 8 if cell.family == "v4" else 128
        body = struct.pack("!BBHHH", kind, 0, 0, ident, 1) + b"shinsei"
        if cell.family == "v4":
            body = body[:2] + struct.pack("!H", icmp_checksum(body)) + body[4:]
        raw.sendto(body, (cell.address, 0))

    def _connect(self, one: _Open, port: int) -> None:
        cell = one.cell
        family = socket.AF_INET if cell.family == "v4" else socket.AF_INET6
        kind = socket.SOCK_STREAM if cell.protocol == "tcp" else socket.SOCK_DGRAM
        with self._pump.network.ns.inside(cell.source):
            made = socket.socket(family, kind)
        one.socket = made
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((cell.source_address, port))
        nonce = QUESTION + f"{port:05d}".encode()
        if cell.protocol == "udp":
            made.connect((cell.address, cell.port))
            made.send(nonce)
            one.asked = True
            self._watch(one, 1)
            return
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        code = made.connect_ex((cell.address, cell.port))
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, "connect")
        self._watch(one, 2)

    def _watch(self, one: _Open, events: int) -> None:
        assert one.socket is not None  # noqa: S101 — only called for opened sockets
        self._pump.selector.register(one.socket, events, lambda: self._ready(one))

    def _ready(self, one: _Open) -> None:
        made = one.socket
        assert made is not None  # noqa: S101 — only registered with a socket
        try:
            if not one.asked:
                self._pump.selector.modify(made, 1, lambda: self._ready(one))
                if made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    self._shut(one)
                    return
                made.send(QUESTION + f"{one.key[1]:05d}".encode())
                one.asked = True
                return
            data = made.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            self._shut(one)
            return
        if data == ANSWER + f"{one.key[1]:05d}".encode():
            one.trail.answered = True
            one.trail.heard()
        if not data:
            self._shut(one)

    def _shut(self, one: _Open) -> None:
        if one.socket is not None:
            if one.socket in self._pump.selector.get_map():
                self._pump.selector.unregister(one.socket)
            one.socket.close()
            one.socket = None

    def _judge(self, one: _Open) -> Seen:
        trail = one.trail
        wall = one.cell.destination.startswith(FIREWALL_HOST)
        arrived = tuple(name for name in trail.arrived if name != one.cell.source)
        return Seen(
            cls=_class(trail, wall=wall, arrived=bool(arrived)),
            arrived=arrived or ((one.cell.destination,) if wall and (trail.taken or trail.syn_ack) else ()),
            legs=tuple(trail.legs),
            refusal=trail.refusal or ("tcp reset" if trail.reset and not arrived else ""),
            ms=trail.ms,
            connections=tuple(trail.connections),
        )

    def hold(self, cell: Cell) -> Held:
        """Opens the permitted TCP connection of ``cell`` and keeps it."""
        return Held(self._pump, cell, next(self._ports))

    def close(self) -> None:
        for raw in self._icmp.values():
            raw.close()


def _at_once() -> int:
    """How many probes may be open together: each holds two files, and the user's limit is raised as far as it goes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    limit = MOST_AT_ONCE * 4 if hard == resource.RLIM_INFINITY else hard
    return max(LEAST_AT_ONCE, min(MOST_AT_ONCE, (limit - FILES_FOR_THE_REST) // 2))


def _half_open_ports(network: Network, host: str) -> list[int]:
    """Remote ports of connections in state SYN_RECV (03) of a namespace."""
    found = []
    with network.ns.inside(host):
        for name in ("tcp", "tcp6"):
            for line in (Path("/proc/thread-self/net") / name).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == SYN_RECV:
                    found.append(int(fields[2].rpartition(":")[2], 16))
    return found


class Held:
    """A connection that stays open while something happens to the rules."""

    def __init__(self, pump: Pump, cell: Cell, port: int) -> None:
        self._pump, self.port, self._count = pump, port, 0
        pump.kept_ports.add(port)
        with pump.network.ns.inside(cell.source):
            self._socket = socket.socket(socket.AF_INET if cell.family == "v4" else socket.AF_INET6, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.bind((cell.source_address, port))
        self._socket.connect_ex((cell.address, cell.port))
        self.works = self.goes_on()

    def goes_on(self) -> bool:
        """Whether a question on this connection is answered within `HELD_SECONDS`."""
        self._count += 1
        expected = ANSWER + f"{self.port:05d}.{self._count}".encode()
        question = QUESTION + expected[len(ANSWER) :]
        end, sent, got = time.monotonic() + HELD_SECONDS, False, b""
        while time.monotonic() < end and expected not in got:
            self._pump.turn(0.01)
            try:
                if not sent:
                    self._socket.send(question)
                    sent = True
                piece = self._socket.recv(4096)
                if not piece:
                    return False
                got += piece
            except BlockingIOError:
                continue
            except OSError:
                return False
        return expected in got

    def close(self) -> None:
        self._pump.kept_ports.discard(self.port)
        self._socket.close()


def _class(trail: Trail, *, wall: bool, arrived: bool) -> Class:
    if trail.answered:
        return "delivered"
    if arrived and not wall:
        return "refused_by_target" if trail.reset else "half_open"
    if wall and (trail.taken or trail.syn_ack):
        return "half_open"
    if trail.refusal or trail.reset:
        return "rejected_by_firewall"
    return "dropped" if trail.legs else "lost"


def awaited(cells: Iterable[Cell], scope: str) -> set[int]:
    """Numbers of the cells that should pass in ``scope``."""
    return {cell.number for cell in cells if cell.expected(scope) == "allow"}  # type: ignore[arg-type]
