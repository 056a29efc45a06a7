"""Packets by hand: Ethernet, IPv4, IPv6, TCP, UDP, ICMP and their oddities, as bytes. Standard library only."""

from __future__ import annotations

import ipaddress
import socket
import struct


def icmp_checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(destination: str, source: str, payload: bytes) -> bytes:
    kind = b"\x08\x00" if payload[0] >> 4 == 4 else b"\x86\xdd"
    return bytes.fromhex(destination.replace(":", "")) + bytes.fromhex(source.replace(":", "")) + kind + payload


def ipv4(
    source: str,
    destination: str,
    protocol: int,
    payload: bytes,
    *,
    ident: int = 1,
    fragment: int = 0,
    more: bool = False,
    options: bytes = b"",
    ttl: int = 64,
    tos: int = 0,
) -> bytes:
    """``fragment``: offset in units of 8 bytes; ``options`` are padded to a multiple of four; ``tos``: the whole byte."""
    options += b"\0" * (-len(options) % 4)
    words = 5 + len(options) // 4
    flags = (0x2000 if more else 0) | fragment
    head = struct.pack("!BBHHHBBH", 0x40 | words, tos, words * 4 + len(payload), ident, flags, ttl, protocol, 0)
    head += socket.inet_aton(source) + socket.inet_aton(destination) + options
    return head[:10] + struct.pack("!H", icmp_checksum(head)) + head[12:] + payload


def ipv6(source: str, destination: str, following: int, payload: bytes, *, hops: int = 64, traffic: int = 0) -> bytes:
    """``following``: first next-header; extension headers are part of ``payload`` (see `extension`)."""
    head = struct.pack("!IHBB", 6 << 28 | traffic << 20, len(payload), following, hops)
    return head + ipaddress.IPv6Address(source).packed + ipaddress.IPv6Address(destination).packed + payload


def extension(following: int, content: bytes = b"\x01\x04\0\0\0\0") -> bytes:
    """A hop-by-hop or destination-options header of one 8-byte unit (PadN inside) before header ``following``."""
    return struct.pack("!BB", following, 0) + content


def routing(following: int, through: str) -> bytes:
    """A routing header (type 0, no segment left but one address listed)."""
    return struct.pack("!BBBBI", following, 2, 0, 0, 0) + ipaddress.IPv6Address(through).packed


def fragment6(following: int, *, offset: int = 0, more: bool = False, ident: int = 7) -> bytes:
    return struct.pack("!BBHI", following, 0, offset << 3 | int(more), ident)


def _pseudo(source: str, destination: str, protocol: int, size: int) -> bytes:
    if ":" in source:
        ends = ipaddress.IPv6Address(source).packed + ipaddress.IPv6Address(destination).packed
        return ends + struct.pack("!II", size, protocol)
    return socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, protocol, size)


def tcp(
    source: str,
    destination: str,
    sport: int,
    dport: int,
    payload: bytes = b"",
    *,
    flags: int = 2,
    seq: int = 1000,
    ack: int = 0,
) -> bytes:
    """``flags``: bits of the TCP header (2 = SYN)."""
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags & 0xFF, 8192, 0, 0)
    total = icmp_checksum(_pseudo(source, destination, 6, len(head) + len(payload)) + head + payload)
    return head[:16] + struct.pack("!H", total) + head[18:] + payload


def udp(source: str, destination: str, sport: int, dport: int, payload: bytes) -> bytes:
    head = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0)
    total = icmp_checksum(_pseudo(source, destination, 17, len(head) + len(payload)) + head + payload) or 0xFFFF
    return head[:6] + struct.pack("!H", total) + payload


def icmp(kind: int, code: int, rest: bytes, payload: bytes, *, source: str, destination: str) -> bytes:
    """ICMP or, between IPv6 addresses, ICMPv6; ``rest``: the four bytes after the checksum."""
    body = struct.pack("!BBH", kind, code, 0) + rest + payload
    pseudo = _pseudo(source, destination, 58, len(body)) if ":" in source else b""
    return body[:2] + struct.pack("!H", icmp_checksum(pseudo + body)) + body[4:]
