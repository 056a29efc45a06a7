"""A namespace's connection table over netlink: emptied between rounds; how long an idle connection would stay in it; its events."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from conformance.firewall.netns import Namespaces

NETLINK_NETFILTER = 12
CT_GET, CT_DELETE = 1 << 8 | 1, 1 << 8 | 2
REQUEST_ACK, REQUEST_DUMP = 1 | 4, 1 | 0x300
DONE = 3
NESTED = 0x3FFF
TUPLE_ORIG, TIMEOUT = 1, 7
TUPLE_IP, TUPLE_PROTO, PROTO_NUMBER, PROTO_SOURCE_PORT, PROTO_DESTINATION_PORT = 1, 2, 1, 2, 3
ECHO_IDS = (4, 7)
MOST_MESSAGES = 1000
EVENT_GROUPS = 0b111
"""New, changed and destroyed entries."""
CREATED = 0x400
PROTOCOLS = {
    socket.IPPROTO_TCP: "tcp",
    socket.IPPROTO_UDP: "udp",
    socket.IPPROTO_ICMP: "icmp",
    socket.IPPROTO_ICMPV6: "icmp",
}


def flush(ns: Namespaces, host: str) -> None:
    """Deletes every entry. OSError when the kernel refuses; an absent table is empty already."""
    with _channel(ns, host) as channel:
        channel.send(_request(CT_DELETE, REQUEST_ACK))
        code = struct.unpack("=i", channel.recv(4096)[16:20])[0]
        if code not in (0, -2, -22):
            raise OSError(-code, "conntrack flush")


def remaining(ns: Namespaces, host: str) -> dict[int, int]:
    """By source port: seconds for which that TCP connection may stay idle from now on. What is not there is not tracked."""
    found: dict[int, int] = {}
    with _channel(ns, host) as channel:
        channel.send(_request(CT_GET, REQUEST_DUMP))
        for _ in range(MOST_MESSAGES):
            for kind, body in _messages(channel.recv(1 << 16)):
                if kind == DONE:
                    return found
                attributes = dict(_attributes(body[4:]))
                protocol = dict(_attributes(dict(_attributes(attributes.get(TUPLE_ORIG, b""))).get(TUPLE_PROTO, b"")))
                if protocol.get(PROTO_NUMBER, b"")[:1] == bytes([socket.IPPROTO_TCP]) and TIMEOUT in attributes:
                    port = int.from_bytes(protocol.get(PROTO_SOURCE_PORT, b"")[:2])
                    found[port] = int.from_bytes(attributes[TIMEOUT][:4])
    return found


def listen_for_events(ns: Namespaces, host: str) -> socket.socket:
    """A channel, never blocking, on which the table of ``host`` tells its events from now on; the caller closes it."""
    with ns.inside(host):
        channel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    channel.setblocking(False)
    channel.bind((0, EVENT_GROUPS))
    return channel


def told_events(channel: socket.socket) -> Iterator[tuple[tuple[str, int], str]]:
    """((protocol, source port or echo id), words) of every event that has come in. Events lost to a full channel are lost."""
    for _ in range(MOST_MESSAGES):
        try:
            data = channel.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:  # ENOBUFS: the kernel had more to tell than the channel holds
            continue
        for kind, flags, body in _told(data):
            parts = dict(_attributes(dict(_attributes(body[4:])).get(TUPLE_ORIG, b"")))
            protocol = dict(_attributes(parts.get(TUPLE_PROTO, b"")))
            name = PROTOCOLS.get((protocol.get(PROTO_NUMBER) or b"\0")[0])
            port = next((protocol[one] for one in (PROTO_SOURCE_PORT, *ECHO_IDS) if one in protocol), b"")
            if name is None or len(port) < 2:
                continue
            word = "destroyed" if kind == CT_DELETE else "new" if flags & CREATED else "changed"
            yield (name, int.from_bytes(port[:2])), f"{word} {name} {_ends(parts, protocol)}"


def _ends(parts: dict[int, bytes], protocol: dict[int, bytes]) -> str:
    addresses = [value for _, value in sorted(_attributes(parts.get(TUPLE_IP, b"")))][:2]
    ports = [protocol.get(one, b"")[:2] for one in (PROTO_SOURCE_PORT, PROTO_DESTINATION_PORT)]
    words = []
    for address, port in zip(addresses, ports, strict=False):
        text = socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)
        words.append(f"{text} {int.from_bytes(port)}" if port else text)
    return " → ".join(words)


def _channel(ns: Namespaces, host: str) -> socket.socket:
    with ns.inside(host):
        channel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    channel.settimeout(5)
    channel.bind((0, 0))
    return channel


def _request(kind: int, flags: int) -> bytes:
    return struct.pack("=IHHII", 20, kind, flags, 1, 0) + struct.pack("=BBH", 0, 0, 0)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, body) of the netlink messages in ``data``."""
    for kind, _, body in _told(data):
        yield kind, body


def _told(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(type, flags, body) of the netlink messages in ``data``."""
    while len(data) >= 16:
        size, kind, flags = struct.unpack("=IHH", data[:8])
        if size < 16:
            return
        yield kind, flags, data[16:size]
        data = data[(size + 3) & ~3 :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, value) of the attributes in ``data``."""
    while len(data) >= 4:
        size, kind = struct.unpack("=HH", data[:4])
        if size < 4:
            return
        yield kind & NESTED, data[4:size]
        data = data[(size + 3) & ~3 :]
