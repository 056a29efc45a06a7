"""Who may connect where: pure rules, no sockets and no name resolution (5章①-1 図表12, ①-2 図表13, ①-3)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_PORT = re.compile(r"[1-9][0-9]{0,4}\Z")


@dataclass(frozen=True)
class Decision:
    """``status`` is the answer to the client when ``allowed`` is false; ``reason`` goes to the access log."""

    allowed: bool
    status: int
    reason: str
    host: str = ""
    port: int = 0


def decide(
    method: str, target: str, client: str, *, allow: Iterable[tuple[str, int]], clients: Iterable[object]
) -> Decision:
    """Judge one request line. Nothing is looked up in any DNS here, least of all for a name that is refused."""
    if not client_allowed(client, clients):
        return Decision(False, 403, "client-not-allowed")
    if not method_allowed(method):
        return Decision(False, 405, "method-not-allowed")
    parsed = split_target(target)
    if parsed is None:
        return Decision(False, 400, "bad-target")
    host, port = canonical_name(parsed[0]), parsed[1]
    if is_ip_literal(host):
        return Decision(False, 403, "ip-literal", host, port)
    if not is_fqdn(host):
        return Decision(False, 400, "bad-name", host, port)
    if not name_listed(host, allow):
        return Decision(False, 403, "name-not-listed", host, port)
    if not port_listed(host, port, allow):
        return Decision(False, 403, "port-not-listed", host, port)
    return Decision(True, 200, "listed", host, port)


def client_allowed(client: str, clients: Iterable[object]) -> bool:
    """True when the peer's address lies in one of the configured networks; an empty list lets nobody in."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(
        isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network) and address in network for network in clients
    )


def method_allowed(method: str) -> bool:
    """CONNECT alone: plain requests through the relay would let it see, and alter, what passes."""
    return method == "CONNECT"


def split_target(target: str) -> tuple[str, int] | None:
    """``host:port`` of an authority-form target; None for user information, a path, a missing or impossible port."""
    host, colon, port = target.rpartition(":")
    if not colon or not _PORT.match(port) or int(port) > 65535:
        return None
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if not host or any(character in host for character in "@/\\?#[]:%") or not host.isascii() or not host.isprintable():
        return None
    return host, int(port)


def canonical_name(name: str) -> str:
    """Lower case, and without the one trailing dot that makes a name absolute: both spell the same name."""
    return name.lower().removesuffix(".")


def is_ip_literal(host: str) -> bool:
    """True for every spelling that a resolver may take for an address (``127.1``, ``0x7f000001``, ``2130706433``)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        last = host.rpartition(".")[2]
        return bool(re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last))
    return True


def is_fqdn(host: str) -> bool:
    """True for at least two labels of letters, digits, hyphen and underscore, 253 characters at most."""
    labels = host.split(".")
    return len(host) <= 253 and len(labels) >= 2 and all(_LABEL.match(label) for label in labels)


def name_listed(host: str, allow: Iterable[tuple[str, int]]) -> bool:
    """True when exactly this name is on the list: no suffix, no wildcard."""
    return any(host == name for name, _ in allow)


def port_listed(host: str, port: int, allow: Iterable[tuple[str, int]]) -> bool:
    """True when this name is listed with this very port."""
    return any((host, port) == pair for pair in allow)
