"""Receivers and sniffers of the whole lab in one loop: who got what is known at the receiver, not guessed by the sender.

Listeners answer a question ``Q:<nonce>`` with ``A:<nonce>`` and never answer an answer. Sniffers sit on every host
and every firewall leg and note each packet that carries a watched source port, echo id or nonce.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from conformance.firewall.build import Network
from conformance.firewall.capture import MOST_FRAMES_EACH, SNAP_BYTES, Frame
from conformance.firewall.conntrack import listen_for_events, told_events

QUESTION, ANSWER = b"Q:", b"A:"
NONCE_BYTES = 12
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
TIMESTAMP = 35
"""SO_TIMESTAMPNS of Linux: the kernel's own time of each packet."""
MOST_TOLD = 6
ETH_ALL = 0x0003
BUFFER = 16 << 20
_PROTOCOLS = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmp"}
TCP = 6
IPV6_EXTENSIONS = (0, 43, 44, 60)


@dataclass
class Trail:
    """What was seen of one probe. ``arrived`` hosts, ``legs`` firewall interfaces that took it in, in order.

    ``told``: hosts that a firewall's own ICMP message about it came to; ``source``: its source address as the last host saw it; ``opened``: when it was sent (monotonic seconds); ``ms``: milliseconds until its answer or refusal.
    """

    arrived: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    legs: list[str] = field(default_factory=list)
    answered: bool = False
    taken: bool = False
    syn_ack: bool = False
    reset: bool = False
    refusal: str = ""
    source: str = ""
    opened: float = field(default_factory=time.monotonic)
    ms: float | None = None
    connections: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    def heard(self) -> None:
        """The sender has its answer or refusal."""
        if self.ms is None:
            self.ms = round((time.monotonic() - self.opened) * 1000, 1)


Key = tuple[str, int]


@dataclass(frozen=True)
class Opening:
    """A first TCP packet that was seen: by which host, on which firewall leg ("" on a host), from and to where."""

    host: str
    leg: str
    source: str
    address: str
    port: int


def parse_packet(frame: bytes) -> tuple[int, str, int, bytes] | None:
    """(version, source address, protocol number, L4 bytes) of an Ethernet frame; None when not IP."""
    kind = frame[12:14]
    if kind == b"\x08\x00" and len(frame) >= 34:
        size = (frame[14] & 15) * 4
        source = socket.inet_ntoa(frame[26:30])
        later = struct.unpack("!H", frame[20:22])[0] & 0x1FFF
        return (4, source, frame[23], b"" if later else frame[14 + size :])
    if kind == b"\x86\xdd" and len(frame) >= 54:
        following, rest = frame[20], frame[54:]
        for _ in range(8):
            if following not in IPV6_EXTENSIONS or len(rest) < 8:
                break
            size = 8 if following == 44 else (rest[1] + 1) * 8
            if following == 44 and struct.unpack("!H", rest[2:4])[0] & 0xFFF8:
                return (6, socket.inet_ntop(socket.AF_INET6, frame[22:38]), 44, b"")
            following, rest = rest[0], rest[size:]
        return (6, socket.inet_ntop(socket.AF_INET6, frame[22:38]), following, rest)
    return None


class Pump:
    """The loop. ``watch`` says which probes are of interest; `run` turns it until a moment or a condition."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.selector = selectors.DefaultSelector()
        self.trails: dict[Key, Trail] = {}
        self.nonces: dict[bytes, Trail] = {}
        self.on_tls: Callable[[str, socket.socket], None] | None = None
        self.connections_seen: list[Opening] | None = None
        self._sockets: dict[tuple[str, str, int], list[socket.socket]] = {}
        self._connections: dict[socket.socket, int] = {}
        self.kept_ports: set[int] = set()
        walls = network.policy.firewall.values()
        self._walls = {str(end) for wall in walls for leg in wall.leg.values() for end in (leg.v4, leg.v6)}
        self.capturing = False
        self._now: Frame | None = None
        self._mark, self._marked = socket.socketpair()
        self._caught_up = threading.Event()
        self._register(self._marked, self._read_mark)
        for host in (*network.policy.host, *network.firewalls):
            self._sniff(host)

    # ── sniffers ──

    def _sniff(self, host: str) -> None:
        with self.network.ns.inside(host):
            sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
        sniffer.setblocking(False)
        sniffer.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sniffer.setsockopt(socket.SOL_SOCKET, TIMESTAMP, 1)
        self._large_buffer(sniffer)
        is_firewall = host in self.network.firewalls
        self._register(sniffer, lambda: self._sniffed(sniffer, host, is_firewall))

    @staticmethod
    def _large_buffer(sniffer: socket.socket) -> None:
        force = 33  # SO_RCVBUFFORCE: beyond the limit of the system, allowed to the owner of the namespace
        for option in (force, socket.SO_RCVBUF):
            try:
                sniffer.setsockopt(socket.SOL_SOCKET, option, BUFFER)
            except PermissionError:
                continue
            return

    def _sniffed(self, sniffer: socket.socket, host: str, is_firewall: bool) -> None:
        for _ in range(4096):
            try:
                if self.capturing:
                    frame, told, _, address = sniffer.recvmsg(65535, 64)
                else:
                    frame, address = sniffer.recvfrom(65535)
            except BlockingIOError:
                return
            leg = f"{host}:{address[0]}" if is_firewall else ""
            if self.capturing:
                seconds, rest = struct.unpack("=qq", told[0][2][:16]) if told else (0, 0)
                self._now = Frame(seconds * 1_000_000_000 + rest, leg or host, frame[:SNAP_BYTES], len(frame))
            self._note(frame, host, leg)

    def _note(self, frame: bytes, host: str, leg: str) -> None:
        if self.nonces:
            self._note_nonce(frame, host, leg)
        parsed = parse_packet(frame)
        if parsed is None or (not self.trails and self.connections_seen is None):
            return
        version, source, number, body = parsed
        if self.connections_seen is not None and number == TCP and len(body) >= 14 and body[13] & 0x12 == 0x02:
            there = frame[30:34] if version == 4 else frame[38:54]
            address = socket.inet_ntop(socket.AF_INET if version == 4 else socket.AF_INET6, there)
            self.connections_seen.append(Opening(host, leg, source, address, struct.unpack("!H", body[2:4])[0]))
        protocol = _PROTOCOLS.get(number)
        if protocol is None or len(body) < 8:
            return
        if protocol == "icmp":
            self._note_icmp(version, source, body, host, leg)
            return
        sport, dport = struct.unpack("!HH", body[:4])
        trail = self.trails.get((protocol, sport))
        if trail is not None:
            if not leg:
                trail.source = source
            self._passed(trail, host, leg)
            return
        back = self.trails.get((protocol, dport))
        if back is None:
            return
        self._file(back)
        if not leg and protocol == "tcp":
            flags = body[13]
            back.syn_ack = back.syn_ack or flags & 0x12 == 0x12
            if flags & 4:
                back.reset = True
                back.heard()

    def _note_icmp(self, version: int, source: str, body: bytes, host: str, leg: str) -> None:
        kind, code = body[0], body[1]
        echo, reply = (8, 0) if version == 4 else (128, 129)
        if kind in (echo, reply):
            trail = self.trails.get(("icmp", struct.unpack("!H", body[4:6])[0]))
            if trail is not None and kind == echo:
                self._passed(trail, host, leg)
            elif trail is not None:
                self._file(trail)
                if not leg:
                    trail.answered = True
                    trail.heard()
            return
        if leg or kind not in ((3,) if version == 4 else (1,)):
            return
        inner = parse_packet(b"\0" * 12 + (b"\x08\x00" if version == 4 else b"\x86\xdd") + body[8:] + b"\0" * 20)
        if inner is None:
            return
        protocol = _PROTOCOLS.get(inner[2], "")
        offset = 4 if protocol == "icmp" else 0
        if len(inner[3]) >= 6:
            trail = self.trails.get((protocol, struct.unpack("!H", inner[3][offset : offset + 2])[0]))
            if trail is not None:
                trail.refusal = f"icmp {kind}/{code} from {source}"
                trail.heard()
                self._file(trail)

    def _note_nonce(self, frame: bytes, host: str, leg: str) -> None:
        at = frame.find(b"SHN:")
        if at >= 0:
            trail = self.nonces.get(frame[at : at + NONCE_BYTES])
            if trail is None:
                return
            parsed = parse_packet(frame)
            if parsed is not None and _PROTOCOLS.get(parsed[2]) == "icmp" and parsed[1] in self._walls:
                self._file(trail)
                if not leg and host not in trail.told:  # a firewall's refusal quotes what it refused: no arrival
                    trail.told.append(host)
                return
            self._passed(trail, host, leg)

    def _file(self, trail: Trail) -> None:
        """Keeps the packet at hand with its probe, when packets are kept at all."""
        if self._now is not None and len(trail.frames) < MOST_FRAMES_EACH:
            trail.frames.append(self._now)

    def _passed(self, trail: Trail, host: str, leg: str) -> None:
        self._file(trail)
        names, name = (trail.legs, leg) if leg else (trail.arrived, host)
        if name not in names:
            names.append(name)

    # ── connection tables ──

    def watch_connections(self, firewall: str) -> None:
        """From now on notes with each probe what the firewall's connection table tells of it."""
        channel = listen_for_events(self.network.ns, firewall)
        self._register(channel, lambda: self._told(channel, firewall))

    def _told(self, channel: socket.socket, firewall: str) -> None:
        for key, text in told_events(channel):
            trail = self.trails.get(key)
            line = f"{firewall}: {text}"
            if trail is not None and len(trail.connections) < MOST_TOLD and line not in trail.connections:
                trail.connections.append(line)

    # ── listeners ──

    def listen(self, host: str, protocol: str, port: int, addresses: Iterable[str] = ("0.0.0.0", "::")) -> None:  # noqa: S104 — inside a namespace
        """Answers on ``port`` of ``host``. A machine of several addresses names them, or its UDP answers leave with another."""
        made = []
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with self.network.ns.inside(host):
                listener = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address, port))
            if protocol == "tcp":
                listener.listen(1024)
                self._register(listener, self._accepting(listener, host))
            else:
                self._register(listener, self._receiving(listener))
            made.append(listener)
        self._sockets[(host, protocol, port)] = made

    def stop_listening(self, host: str, protocol: str, port: int) -> None:
        for listener in self._sockets.pop((host, protocol, port), []):
            self._drop(listener)

    def _accepting(self, listener: socket.socket, host: str) -> Callable[[], None]:
        def accept() -> None:
            for _ in range(1024):
                try:
                    connection, peer = listener.accept()
                except (BlockingIOError, ConnectionAbortedError):
                    return
                connection.setblocking(False)
                self._connections[connection] = int(peer[1])
                self._register(connection, self._asked(connection, host, int(peer[1])))

        return accept

    def _asked(self, connection: socket.socket, host: str, peer_port: int) -> Callable[[], None]:
        def read() -> None:
            try:
                if self.on_tls is not None and connection.recv(1, socket.MSG_PEEK) == b"\x16":
                    self._connections.pop(connection, None)
                    self.selector.unregister(connection)
                    self.on_tls(host, connection)
                    return
                data = connection.recv(4096)
                if data.startswith(QUESTION):
                    trail = self.trails.get(("tcp", peer_port))
                    if trail is not None:
                        trail.taken = True
                    connection.send(ANSWER + data[len(QUESTION) :])
                else:
                    data = b""
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._connections.pop(connection, None)
                self._drop(connection)

        return read

    def _receiving(self, listener: socket.socket) -> Callable[[], None]:
        def receive() -> None:
            for _ in range(1024):
                try:
                    data, peer = listener.recvfrom(4096)
                except (BlockingIOError, ConnectionError):
                    return
                if not data.startswith(QUESTION):
                    continue
                trail = self.trails.get(("udp", int(peer[1])))
                if trail is not None:
                    trail.taken = True
                try:
                    listener.sendto(ANSWER + data[len(QUESTION) :], peer)
                except OSError:  # the way back is closed by the rules under test: the probe sees no answer
                    continue

        return receive

    # ── loop ──

    def _register(self, one: socket.socket, act: Callable[[], None]) -> None:
        self.selector.register(one, selectors.EVENT_READ, act)

    def _drop(self, one: socket.socket) -> None:
        self.selector.unregister(one)
        one.close()

    def turn(self, seconds: float) -> None:
        """One turn of the loop, at most ``seconds`` of waiting."""
        events = self.selector.select(seconds)
        for key, _ in events:
            if key.fileobj in self.selector.get_map():
                key.data()
        if any(key.fileobj is self._marked for key, _ in events):
            self._caught_up.set()

    def _read_mark(self) -> None:
        self._marked.recv(64)

    def caught_up(self, limit: float) -> None:
        """Waits until the thread that turns the loop has handled whatever had arrived before this call, at most ``limit`` s."""
        self._caught_up.clear()
        self._mark.send(b".")
        self._caught_up.wait(limit)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Turns the loop for ``seconds`` or until the condition holds."""
        end = time.monotonic() + seconds
        while not until() and (left := end - time.monotonic()) > 0:
            self.turn(min(left, 0.05))

    def drain(self, quiet: float) -> None:
        """Turns the loop until nothing has come in for ``quiet`` seconds (bounded at ten times that)."""
        end = time.monotonic() + quiet * 10
        while time.monotonic() < end:
            events = self.selector.select(quiet)
            if not events:
                return
            for key, _ in events:
                if key.fileobj in self.selector.get_map():
                    key.data()

    def forget(self) -> None:
        """Drops all watched probes and open connections of a round, but for those from ``kept_ports``."""
        self.trails.clear()
        self.nonces.clear()
        for connection, port in list(self._connections.items()):
            if port not in self.kept_ports:
                del self._connections[connection]
                self._drop(connection)

    def close(self) -> None:
        for key in list(self.selector.get_map().values()):
            one = key.fileobj
            self.selector.unregister(one)
            if isinstance(one, socket.socket):
                one.close()
        self.selector.close()
        self._mark.close()
