"""Empties a namespace's connection table, so that no round meets connections of an earlier one."""

from __future__ import annotations

import socket
import struct

from conformance.firewall.netns import Namespaces

NETLINK_NETFILTER = 12
CT_DELETE = 1 << 8 | 2
REQUEST_ACK = 1 | 4


def flush(ns: Namespaces, host: str) -> None:
    """Deletes every entry. OSError when the kernel refuses; an absent table is empty already."""
    message = struct.pack("=IHHII", 20, CT_DELETE, REQUEST_ACK, 1, 0) + struct.pack("=BBH", 0, 0, 0)
    with ns.inside(host):
        channel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    with channel:
        channel.settimeout(5)
        channel.bind((0, 0))
        channel.send(message)
        answer = channel.recv(4096)
        code = struct.unpack("=i", answer[16:20])[0]
        if code not in (0, -2, -22):
            raise OSError(-code, "conntrack flush")
