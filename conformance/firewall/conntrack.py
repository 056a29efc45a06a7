"""A namespace's connection table over netlink: emptied between rounds; how long an idle connection would stay in it."""

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
TUPLE_PROTO, PROTO_NUMBER, PROTO_SOURCE_PORT = 2, 1, 2
MOST_MESSAGES = 1000


def flush(ns: Namespaces, host: str) -> None:
    """Deletes every entry. OSError when the kernel refuses; an absent table is empty already."""
    with _channel(ns, host) as channel:
        channel.send(_request(CT_DELETE, REQUEST_ACK))
        code = struct.unpack("=i", channel.recv(4096)[16:20])[0]
        if code not in (0, -2, -22):
            raise OSError(-code, "conntrack flush")


def remaining(ns: Namespaces, host: str, source_port: int) -> int | None:
    """Seconds for which the TCP connection from ``source_port`` may stay idle from now on; None: it is not tracked."""
    found = None
    with _channel(ns, host) as channel:
        channel.send(_request(CT_GET, REQUEST_DUMP))
        for _ in range(MOST_MESSAGES):
            for kind, body in _messages(channel.recv(1 << 16)):
                if kind == DONE:
                    return found
                attributes = dict(_attributes(body[4:]))
                protocol = dict(_attributes(dict(_attributes(attributes.get(TUPLE_ORIG, b""))).get(TUPLE_PROTO, b"")))
                ours = protocol.get(PROTO_SOURCE_PORT, b"")[:2] == source_port.to_bytes(2)
                if (
                    ours
                    and protocol.get(PROTO_NUMBER, b"")[:1] == bytes([socket.IPPROTO_TCP])
                    and TIMEOUT in attributes
                ):
                    found = int.from_bytes(attributes[TIMEOUT][:4])
    return found


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
    while len(data) >= 16:
        size, kind = struct.unpack("=IH", data[:6])
        yield kind, data[16:size]
        data = data[(size + 3) & ~3 :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, value) of the attributes in ``data``."""
    while len(data) >= 4:
        size, kind = struct.unpack("=HH", data[:4])
        if size < 4:
            return
        yield kind & NESTED, data[4:size]
        data = data[(size + 3) & ~3 :]
