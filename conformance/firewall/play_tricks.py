"""Sends the tricks from where they come from and notes at the receivers whether their nonce arrived."""

from __future__ import annotations

import contextlib
import errno
import itertools
import socket
import struct
from collections.abc import Iterable, Mapping, Sequence

from conformance.firewall.build import HOST_INTERFACE
from conformance.firewall.capture import Frame
from conformance.firewall.pump import Pump, Trail
from conformance.firewall.record import Class, Seen
from conformance.firewall.tricks import Talk, Trick

DRAIN_SECONDS = 0.1
SETUP_DRAIN_SECONDS = 0.03
CONTROL_TRIES = 3
CONNECT_SECONDS = 0.3
LINE_DRAIN_SECONDS = 0.01
DIALLED = (0, errno.EISCONN)


class Trickster:
    """``frames``: the packets of each trick's last play by id, when they are kept."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._numbers = itertools.count(1)
        self._raw: dict[str, socket.socket] = {}
        self.frames: dict[str, list[Frame]] = {}

    def play(self, tricks: Sequence[Trick]) -> dict[str, Seen]:
        """What became of each trick by id."""
        talks = self._talks(tricks)
        followed = {trick.id: Trail() for trick in tricks if trick.follows}
        for trick in tricks:
            if trick.follows:
                self._pump.trails[("tcp", trick.follows)] = followed[trick.id]
            for sender, frame in trick.setup:
                self.send(sender, frame)
        self._pump.drain(SETUP_DRAIN_SECONDS)
        watched: dict[str, Trail] = {}
        for trick in tricks:
            nonce = b"SHN:" + f"{next(self._numbers):08x}".encode()
            watched[trick.id] = self._pump.nonces[nonce] = Trail()
            for frame in trick.build(nonce, followed[trick.id].source if trick.follows else ""):
                self.send(trick.source, frame)
        self._pump.drain(DRAIN_SECONDS)
        zones = {name: one.zone for name, one in self._pump.network.policy.host.items()}
        seen = {trick.id: _seen(trick, watched[trick.id], zones) for trick in tricks}
        self.frames.update((name, trail.frames) for name, trail in watched.items())
        for talk in talks:
            talk.close()
        self._pump.forget()
        return seen

    def control(self, tricks: Sequence[Trick]) -> dict[str, Seen]:
        """With open rules: repeats what did not arrive, a bounded number of times."""
        seen = self.play(tricks)
        for _ in range(CONTROL_TRIES - 1):
            again = [trick for trick in tricks if seen[trick.id].cls != "delivered"]
            if not again:
                break
            seen.update(self.play(again))
        return seen

    def _talks(self, tricks: Iterable[Trick]) -> list[socket.socket]:
        """Says the lines of every talk on a connection of its own, which stays open. What is stopped stays unsaid."""
        called = [(trick.talk, *self._called(trick, trick.talk)) for trick in tricks if trick.talk is not None]
        if not called:
            return []
        waiting = {made: end for _, made, end in called}

        def connected() -> bool:
            for made, end in list(waiting.items()):
                if made.connect_ex(end) in DIALLED:
                    del waiting[made]
            return not waiting

        self._pump.run(CONNECT_SECONDS, connected)
        for number in range(max(len(talk.lines) for talk, _, _ in called)):
            for talk, made, _ in called:
                if number < len(talk.lines):
                    with contextlib.suppress(OSError):  # the rules under test may keep the two apart: it stays unsaid
                        made.send(talk.lines[number])
            self._pump.drain(LINE_DRAIN_SECONDS)
        return [made for _, made, _ in called]

    def _called(self, trick: Trick, talk: Talk) -> tuple[socket.socket, tuple[str, int]]:
        """A socket for the talk, and whom it is to be connected to."""
        kind = socket.SOCK_STREAM if talk.protocol == "tcp" else socket.SOCK_DGRAM
        policy, family = self._pump.network.policy, socket.AF_INET if trick.family == "v4" else socket.AF_INET6
        with self._pump.network.ns.inside(talk.source):
            made = socket.socket(family, kind)
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if talk.protocol == "tcp":
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        made.bind((policy.host[talk.source].address(trick.family), talk.source_port))
        end = (policy.host[talk.destination].address(trick.family), talk.port)
        return made, end

    def send(self, host: str, frame: bytes) -> None:
        """Puts a frame on the wire at ``host``."""
        raw = self._raw.get(host)
        if raw is None:
            with self._pump.network.ns.inside(host):
                raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
                raw.bind((HOST_INTERFACE, 0))
            self._raw[host] = raw
        raw.send(frame)

    def close(self) -> None:
        for raw in self._raw.values():
            raw.close()


def _seen(trick: Trick, trail: Trail, zones: Mapping[str, str]) -> Seen:
    if trick.returns:
        arrived = tuple(name for name in trail.told if name == trick.source)
    else:
        arrived = tuple(
            name for name in trail.arrived if name != trick.source and trick.zone in ("", zones.get(name, ""))
        )
    cls: Class = "delivered" if arrived else "dropped" if trail.legs else "lost"
    return Seen(cls=cls, arrived=arrived, legs=tuple(trail.legs))
