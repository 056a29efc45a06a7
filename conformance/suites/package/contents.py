"""The bytes of one entry, inflated in bounded memory: never more than the directory declares."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from conformance.suites.package.container import STORED, Buffer, Member
from conformance.suites.package.findings import Findings

_CHUNK = 1 << 18
_TAIL = "圧縮データの後に余分なバイト / bytes after the compressed data"
_CUT = "圧縮データが途中で終わる / the compressed data end early"


class Content(NamedTuple):
    """What an entry holds. ``data`` are its first bytes, all of them when ``whole``; ``sha256`` "" when not asked for."""

    size: int
    sha256: str
    data: bytes
    whole: bool


def read_content(data: Buffer, member: Member, keep: int, findings: Findings, *, digest: bool = True) -> Content | None:
    """The content, of which at most ``keep`` bytes stay in memory. None when a finding says why it cannot be read.

    ``digest``: whether its SHA-256 is wanted (documents have none to be compared with).
    """
    try:
        if member.packed <= _CHUNK and member.size <= _CHUNK:
            whole = _small(data, member)
            size, crc, first = len(whole), zlib.crc32(whole), whole[:keep]
            sha256 = hashlib.sha256(whole).hexdigest() if digest else ""
        else:
            size, crc, sha256, first = _streamed(_pieces(data, member), keep)
    except zlib.error as error:
        findings.add("PKG-ZIP-DATA", member.label, "展開できる / inflatable", str(error))
        return None
    if size != member.size:
        more = "より長い / longer" if size > member.size else f"{size} バイト / bytes"
        findings.add("PKG-ZIP-LENGTH", member.label, f"目録の {member.size} バイト / bytes in the directory", more)
    elif crc != member.crc:
        findings.add("PKG-ZIP-CRC", member.label, f"{member.crc:08X}", f"{crc:08X}")
    else:
        return Content(size, sha256, first, whole=size <= keep)
    return None


def _streamed(pieces: Iterator[bytes], keep: int) -> tuple[int, int, str, bytes]:
    """Size, CRC-32, SHA-256 and the first ``keep`` bytes of what ``pieces`` yields."""
    digest, crc, size, kept = hashlib.sha256(), 0, 0, bytearray()
    for piece in pieces:
        digest.update(piece)
        crc = zlib.crc32(piece, crc)
        size += len(piece)
        if len(kept) < keep:
            kept += piece[: keep - len(kept)]
    return size, crc, digest.hexdigest(), bytes(kept)


def _small(data: Buffer, member: Member) -> bytes:
    """The bytes of an entry that is no larger than one chunk, packed or not: at most one more than declared."""
    packed = data[member.start : member.start + member.packed]
    if member.method == STORED:
        return packed[: member.size + 1]
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    whole = inflater.decompress(packed, member.size + 1)
    if inflater.eof and inflater.unused_data:
        raise zlib.error(_TAIL)
    if not inflater.eof and not inflater.unconsumed_tail:
        raise zlib.error(_CUT)
    return whole


def _pieces(data: Buffer, member: Member) -> Iterator[bytes]:
    """The inflated bytes; stops one byte past the declared size, so that a liar costs no more than an honest entry."""
    end = member.start + member.packed
    left = member.size + 1
    if member.method == STORED:
        for start in range(member.start, end, _CHUNK):
            piece = data[start : min(start + _CHUNK, end)]
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for start in range(member.start, end, _CHUNK):
        waiting = data[start : min(start + _CHUNK, end)]
        while waiting and not inflater.eof:
            piece = inflater.decompress(waiting, min(_CHUNK, left))
            left -= len(piece)
            yield piece
            if left <= 0:
                return
            waiting = inflater.unconsumed_tail
        if inflater.eof and (inflater.unused_data or start + _CHUNK < end):
            raise zlib.error(_TAIL)
    if not inflater.eof:
        raise zlib.error(_CUT)
