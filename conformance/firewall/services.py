"""What stands behind the proxy in the lab: LGWAN's DNS, the download function and other sites with real TLS.

The DNS knows the listed name, answers every other name with the other site, and keeps the list of what it was asked.
"""

from __future__ import annotations

import hashlib
import ipaddress
import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from conformance.firewall.build import second_address
from conformance.firewall.netns import Namespaces
from interface_spec.policy import Family, Policy, Role
from mock_services.tls import ServerTls

LARGE_BYTES = 10 << 20
DNS_PORT = 53
TTL = 1


def large_body() -> bytes:
    """Ten megabytes that depend on nothing: a block of SHA-256 chains, so that a swapped or lost block shows."""
    block = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(2048))
    return block * (LARGE_BYTES // len(block))


class Dns:
    """UDP and TCP resolver of the lab; ``queries`` only grows. Of the listed name, changeable while it runs:

    ``inward``: it leads into 利用事務系; ``only``: it has addresses of that family alone; ``moved``: it has another address.
    """

    def __init__(self, ns: Namespaces, policy: Policy) -> None:
        self._policy = policy
        self.queries: list[str] = []
        self.inward, self.moved = False, False
        self.only: Literal["", "v4", "v6"] = ""
        host = policy.hosts_of("lgwan-dns")[0]
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 — inside a namespace
            for kind, act in ((socket.SOCK_DGRAM, self._datagram), (socket.SOCK_STREAM, self._stream)):
                with ns.inside(host):
                    one = socket.socket(family, kind)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind((any_address, DNS_PORT))
                if kind == socket.SOCK_STREAM:
                    one.listen(16)
                one.settimeout(2)
                self._selector.register(one, selectors.EVENT_READ, act)
                self._sockets.append(one)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopped.set()
        self._thread.join(5)
        for one in self._sockets:
            one.close()
        self._selector.close()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            for key, _ in self._selector.select(0.05):
                try:
                    key.data(key.fileobj)
                except (OSError, struct.error, IndexError, UnicodeDecodeError):
                    continue  # a broken query gets no answer, as from any resolver

    def _datagram(self, one: socket.socket) -> None:
        data, peer = one.recvfrom(4096)
        one.sendto(self.answer(data), peer)

    def _stream(self, one: socket.socket) -> None:
        connection, _ = one.accept()
        with connection:
            connection.settimeout(1)
            size = struct.unpack("!H", connection.recv(2))[0]
            answer = self.answer(connection.recv(size))
            connection.sendall(struct.pack("!H", len(answer)) + answer)

    def answer(self, query: bytes) -> bytes:
        """The answer to one query; the query is noted."""
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
            at += query[at] + 1
        question = query[12 : at + 5]
        kind = struct.unpack("!H", query[at + 1 : at + 3])[0]
        name = ".".join(labels).lower()
        self.queries.append(f"{name} { ({1: 'A', 28: 'AAAA', 12: 'PTR'}.get(kind, str(kind))) }")
        data = self._data(name, kind)
        record = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, TTL, len(data)) + data if data else b""
        return query[:2] + struct.pack("!HHHHH", 0x8580, 1, 1 if data else 0, 0, 0) + question + record

    def _data(self, name: str, kind: int) -> bytes:
        policy = self._policy
        if kind == 12:
            trap = policy.host[policy.hosts_of("lgwan-dns")[0]]
            named = {ipaddress.ip_address(trap.address(f)).reverse_pointer for f in ("v4", "v6")}
            if name not in named:
                return b""
            return b"".join(bytes([len(one)]) + one.encode() for one in policy.service.fqdn.split(".")) + b"\0"
        listed = name == policy.service.fqdn
        role: Role = "am" if listed and self.inward else "download" if listed else "other-lgwan"
        families: dict[int, Family] = {1: "v4", 28: "v6"}
        family = families.get(kind)
        if family is None or family not in policy.families or (listed and self.only not in ("", family)):
            return b""
        host = policy.hosts_of(role)[0]
        address = second_address(policy, host, family) if listed and self.moved else policy.host[host].address(family)
        return ipaddress.ip_address(address).packed


class Sites:
    """TLS ends of the download function and of every other host: a short or a large answer, Host checked.

    ``patience``: seconds for which a silent connection is kept.
    """

    def __init__(self, policy: Policy, now: datetime) -> None:
        self._policy = policy
        self.patience = 10.0
        self._tls = ServerTls(policy.service.fqdn, now)
        self.ca_pem = self._tls.ca_pem
        self._large = large_body()
        self.large_digest = hashlib.sha256(self._large).hexdigest()

    def serve(self, host: str, connection: socket.socket) -> None:
        """Takes over an accepted connection in a thread of its own, for a bounded time."""
        threading.Thread(target=self._serve, args=(host, connection), daemon=True).start()

    def _serve(self, host: str, connection: socket.socket) -> None:
        connection.settimeout(self.patience)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with self._tls.context.wrap_socket(connection, server_side=True) as secure:
                for _ in range(8):
                    head = _head(secure.recv)
                    if not head:
                        return
                    secure.sendall(self._respond(host, head))
        except OSError:
            connection.close()  # a client that leaves in the middle is no event of interest here

    def _respond(self, host: str, head: bytes) -> bytes:
        path = head.split(b" ", 2)[1:2]
        wanted = [line.partition(b":")[2].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"host:")]
        if host == self._policy.the("download") and wanted != [self._policy.service.fqdn.encode()]:
            return b"HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n"
        body = self._large if path == [b"/large"] else f"site {host}\n".encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Shinsei: a  b\r\n\r\n" % len(body) + body


def _head(receive: Callable[[int], bytes]) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < 16384:
        piece = receive(4096)
        if not piece:
            return b""
        data += piece
    return data


def client_context(ca_pem: bytes) -> ssl.SSLContext:
    """TLS as the application management system would use it: only the lab's CA, host name checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ca_pem.decode("ascii"))
    return context
