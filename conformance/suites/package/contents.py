"""The bytes of one entry, inflated in bounded memory: never more than the directory declares."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.suites.package.container import STORED, Buffer, Member
from conformance.suites.package.findings import Findings

_CHUNK = 1 << 18
_TAIL = "圧縮データの後に余分なバイト / bytes after the compressed data"
_CUT = "圧縮データが途中で終わる / the compressed data end early"


@dataclass(frozen=True)
class Content:
    """What an entry holds. ``data`` are its first bytes, all of them when ``whole``."""

    size: int
    sha256: str
    data: bytes
    whole: bool


def read_content(data: Buffer, member: Member, keep: int, findings: Findings) -> Content | None:
    """The content, of which at most ``keep`` bytes stay in memory. None when a finding says why it cannot be read."""
    digest, crc, size = hashlib.sha256(), 0, 0
    first, kept = b"", bytearray()
    problem = ""
    try:
        for piece in _pieces(data, member):
            digest.update(piece)
            crc = zlib.crc32(piece, crc)
            size += len(piece)
            if not first:
                first = piece
            elif len(first) + len(kept) < keep:
                kept += piece[: keep - len(first) - len(kept)]
    except zlib.error as error:
        problem = str(error)
    if problem:
        findings.add("PKG-ZIP-DATA", member.label, "展開できる / inflatable", problem)
    elif size != member.size:
        more = "より長い / longer" if size > member.size else f"{size} バイト / bytes"
        findings.add("PKG-ZIP-LENGTH", member.label, f"目録の {member.size} バイト / bytes in the directory", more)
    elif crc != member.crc:
        findings.add("PKG-ZIP-CRC", member.label, f"{member.crc:08X}", f"{crc:08X}")
    else:
        return Content(size, digest.hexdigest(), first[:keep] + kept if kept else first[:keep], whole=size <= keep)
    return None


def _pieces(data: Buffer, member: Member) -> Iterator[bytes]:
    """The inflated bytes; stops one byte past the declared size, so that a liar costs no more than an honest entry."""
    end = member.start + member.packed
    left = member.size + 1
    if member.method != STORED and member.packed <= _CHUNK and member.size <= _CHUNK:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        yield inflater.decompress(data[member.start : end], left)
        if inflater.eof and inflater.unused_data:
            raise zlib.error(_TAIL)
        if not inflater.eof and not inflater.unconsumed_tail:
            raise zlib.error(_CUT)
        return
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
