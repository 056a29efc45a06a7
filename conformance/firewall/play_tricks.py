"""Sends the tricks from where they come from and notes at the receivers whether their nonce arrived."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Sequence

from conformance.firewall.build import HOST_INTERFACE
from conformance.firewall.pump import Pump, Trail
from conformance.firewall.record import Class, Seen
from conformance.firewall.tricks import Trick

DRAIN_SECONDS = 0.1
SETUP_DRAIN_SECONDS = 0.03
CONTROL_TRIES = 3


class Trickster:
    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._numbers = itertools.count(1)
        self._raw: dict[str, socket.socket] = {}

    def play(self, tricks: Sequence[Trick]) -> dict[str, Seen]:
        """What became of each trick by id."""
        for trick in tricks:
            for sender, frame in trick.setup:
                self._send(sender, frame)
        self._pump.drain(SETUP_DRAIN_SECONDS)
        watched: dict[str, Trail] = {}
        for trick in tricks:
            nonce = b"SHN:" + f"{next(self._numbers):08x}".encode()
            watched[trick.id] = self._pump.nonces[nonce] = Trail()
            for frame in trick.build(nonce):
                self._send(trick.source, frame)
        self._pump.drain(DRAIN_SECONDS)
        seen = {trick.id: _seen(trick, watched[trick.id]) for trick in tricks}
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

    def _send(self, host: str, frame: bytes) -> None:
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


def _seen(trick: Trick, trail: Trail) -> Seen:
    arrived = tuple(name for name in trail.arrived if name != trick.source)
    cls: Class = "delivered" if arrived else "dropped" if trail.legs else "lost"
    return Seen(cls=cls, arrived=arrived, legs=tuple(trail.legs))
