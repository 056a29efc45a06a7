"""The ZIP container, read structurally: end record, central directory, local headers, extents (APPNOTE.TXT 6.3).

Nothing is inflated here. A container is sound when every reader must see the same entries: one directory that agrees
with every local header, no byte that belongs to nothing, no byte that belongs to two entries.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from mmap import mmap
from typing import NamedTuple

from conformance.suites.package.findings import Findings

Buffer = bytes | mmap

_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENDS = re.compile(re.escape(_END))
"""Finds end records in half the time of `bytes.find`."""
_CENTRAL, _LOCAL, _DESCRIPTOR = b"PK\x01\x02", b"PK\x03\x04", b"PK\x07\x08"
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_EXTRA_ZIP64, _EXTRA_UNICODE_NAME = 0x0001, 0x7075
FLAG_ENCRYPTED, FLAG_DESCRIPTOR, FLAG_STRONG, FLAG_UTF8, FLAG_MASKED = 0x0001, 0x0008, 0x0040, 0x0800, 0x2000
STORED, DEFLATED = 0, 8
_COMPARED = ("名前 / name", "フラグ / flags", "圧縮方式 / method", "CRC", "圧縮後 / packed", "大きさ / size")
FILE = "ZIP全体 / the file"

_CENTRAL_FIELDS = struct.Struct("<HHHHHHIIIHHHHHII")
_LOCAL_FIELDS = struct.Struct("<HHHHHIIIHH")
_END_FIELDS = struct.Struct("<HHHHIIH")


class Member(NamedTuple):
    """One entry as the central directory describes it; ``start`` is where its data begin in the file."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    made_by: int
    attributes: int
    unicode_name: bytes | None
    start: int

    @property
    def label(self) -> str:
        return self.raw_name.decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Directory:
    """The end record, with a ZIP64 record taken into account. ``shift`` bytes stand before what offsets count from."""

    count: int
    start: int
    size: int
    shift: int


class _Central(NamedTuple):
    member: Member
    offset: int


class _Unreadable(Exception):
    """Reading on would be guessing; a finding has been added."""


def read_container(data: Buffer, max_entries: int, findings: Findings) -> list[Member]:
    """The entries in directory order; an empty list when a finding says why nothing can be read."""
    try:
        directory = _directory(data, findings)
        if directory.count > max_entries:
            findings.add("PKG-ZIP-COUNT", FILE, f"{max_entries} 件以下 / at most", f"{directory.count} 件 / entries")
            return []
        entries = _entries(data, directory, findings)
    except _Unreadable:
        return []
    members, extents = [], []
    for entry in entries:
        found = _local(data, entry, directory, findings)
        if found is not None:
            members.append(found[0])
            extents.append((*found[1], found[0].label))
    if len(members) == len(entries):
        _check_extents(extents, directory, findings)
    return members


def _refuse(findings: Findings, rule: str, expected: str, actual: str) -> _Unreadable:
    findings.add(rule, FILE, expected, actual)
    return _Unreadable()


def _directory(data: Buffer, findings: Findings) -> Directory:
    position, comment = _end_record(data, findings)
    disk, start_disk, here, count, size, offset, _ = _END_FIELDS.unpack_from(data, position + 4)
    end = position
    if position >= 20 and data[position - 20 : position - 16] == _LOCATOR64:
        end, disk, start_disk, here, count, size, offset = _zip64(data, position, findings)
    elif _MAX16 in (here, count) or _MAX32 in (size, offset):
        raise _refuse(findings, "PKG-ZIP-END", "ZIP64 の終端記録 / a ZIP64 end record", "なし / none")
    if disk or start_disk or here != count:
        raise _refuse(findings, "PKG-ZIP-SPLIT", "1つのファイル / one file", "分割ZIP / a split archive")
    shift = end - size - offset
    if shift < 0:
        raise _refuse(
            findings,
            "PKG-ZIP-END",
            f"目録が終端の前の {size} バイト / directory before the end record",
            f"位置 {offset} / offset",
        )
    if shift:
        findings.add("PKG-ZIP-JUNK", FILE, "先頭からZIP / starts as a ZIP", f"先頭に {shift} バイト / leading bytes")
    if position + 22 + comment < len(data):
        extra = len(data) - position - 22 - comment
        findings.add(
            "PKG-ZIP-JUNK",
            FILE,
            "終端記録で終わる / ends with the end record",
            f"末尾に {extra} バイト / trailing bytes",
        )
    return Directory(count=count, start=end - size, size=size, shift=shift)


def _end_record(data: Buffer, findings: Findings) -> tuple[int, int]:
    """Position of the end record and the length of its comment."""
    floor = max(0, len(data) - 22 - _MAX16)
    found = (floor + one.start() for one in _ENDS.finditer(data[floor:]))
    positions = [position for position in found if position + 22 <= len(data)]
    if not positions:
        kind = "先頭は PK / starts like a ZIP" if data[:2] == b"PK" else "ZIPではない / not a ZIP"
        raise _refuse(findings, "PKG-ZIP-END", "終端記録のあるZIP / a ZIP with its end record", kind)

    def comment(at: int) -> int:
        return int.from_bytes(data[at + 20 : at + 22], "little")

    exact = [at for at in positions if at + 22 + comment(at) == len(data)]
    if len(exact) > 1:
        raise _refuse(
            findings, "PKG-ZIP-TWOENDS", "終端記録は1つ / one end record", f"{len(exact)} 通りに読める / readings"
        )
    chosen = exact[0] if exact else positions[-1]
    if chosen + 22 + comment(chosen) > len(data):
        raise _refuse(findings, "PKG-ZIP-END", "注釈の終わりまで / the whole comment", "途中で切れている / cut off")
    return chosen, comment(chosen)


def _zip64(data: Buffer, position: int, findings: Findings) -> tuple[int, int, int, int, int, int, int]:
    where = int.from_bytes(data[position - 12 : position - 4], "little")
    record = data.rfind(_END64, 0, position - 20)
    if record < 0 or record + 56 > position - 20:
        raise _refuse(findings, "PKG-ZIP-END", f"ZIP64 の終端記録（位置 {where}） / a ZIP64 end record", "なし / none")
    disk, start_disk, here, count, size, offset = struct.unpack_from("<IIQQQQ", data, record + 16)
    plain = _END_FIELDS.unpack_from(data, position + 4)
    for small, large, limit in ((plain[3], count, _MAX16), (plain[4], size, _MAX32), (plain[5], offset, _MAX32)):
        if small not in (limit, large):
            raise _refuse(
                findings,
                "PKG-ZIP-END",
                f"ZIP64 と同じ {large} / as in ZIP64",
                f"終端記録では {small} / in the end record",
            )
    return record, disk, start_disk, here, count, size, offset


def _entries(data: Buffer, directory: Directory, findings: Findings) -> list[_Central]:
    found: list[_Central] = []
    position, end = directory.start, directory.start + directory.size
    while position < end and len(found) < directory.count:
        if data[position : position + 4] != _CENTRAL or position + 46 > end:
            break
        (made_by, _, flags, method, _, _, crc, packed, size, name, extra, comment, disk, _, attributes, offset) = (
            _CENTRAL_FIELDS.unpack_from(data, position + 4)
        )
        after = position + 46 + name + extra + comment
        if after > end:
            break
        raw = bytes(data[position + 46 : position + 46 + name])
        fields = _extra_fields(bytes(data[position + 46 + name : position + 46 + name + extra])) if extra else {}
        if _MAX32 in (size, packed, offset) and _EXTRA_ZIP64 in fields:
            size, packed, offset = _wide(fields[_EXTRA_ZIP64], size, packed, offset)
        unicode_name = fields[_EXTRA_UNICODE_NAME][5:] if len(fields.get(_EXTRA_UNICODE_NAME, b"")) > 5 else None
        member = Member(raw, flags, method, crc, packed, size, made_by >> 8, attributes, unicode_name, 0)
        if disk not in (0, _MAX16):
            raise _refuse(
                findings, "PKG-ZIP-SPLIT", "1つのファイル / one file", f"{member.label}: 別の巻 / another volume"
            )
        found.append(_Central(member, offset + directory.shift))
        position = after
    if len(found) != directory.count or position != end:
        raise _refuse(
            findings,
            "PKG-ZIP-DIRECTORY",
            f"目録に {directory.count} 件、{directory.size} バイト / entries and bytes in the directory",
            f"{len(found)} 件、{position - directory.start} バイト / read",
        )
    return found


def _extra_fields(raw: bytes) -> dict[int, bytes]:
    fields, position = {}, 0
    while position + 4 <= len(raw):
        kind, length = struct.unpack_from("<HH", raw, position)
        fields[kind] = raw[position + 4 : position + 4 + length]
        position += 4 + length
    return fields


def _wide(raw: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """The 64-bit values that stand in the ZIP64 field, in this order, for each 32-bit value that is all ones."""
    values = iter(struct.unpack(f"<{len(raw) // 8}Q", raw[: len(raw) // 8 * 8]))
    size = next(values, size) if size == _MAX32 else size
    packed = next(values, packed) if packed == _MAX32 else packed
    return size, packed, next(values, offset) if offset == _MAX32 else offset


def _local(
    data: Buffer, entry: _Central, directory: Directory, findings: Findings
) -> tuple[Member, tuple[int, int]] | None:
    """The member with its data position, and its extent in the file; None when its local header cannot be used."""
    member, offset = entry.member, entry.offset
    if data[offset : offset + 4] != _LOCAL or offset + 30 > directory.start:
        findings.add(
            "PKG-ZIP-HEADER", member.label, "ローカルヘッダ / a local header", f"位置 {offset} にない / not there"
        )
        return None
    _, flags, method, _, _, crc, packed, size, name, extra = _LOCAL_FIELDS.unpack_from(data, offset + 4)
    start = offset + 30 + name + extra
    raw = bytes(data[offset + 30 : offset + 30 + name])
    if _MAX32 in (size, packed):
        fields = _extra_fields(bytes(data[offset + 30 + name : start]))
        size, packed, _ = _wide(fields.get(_EXTRA_ZIP64, b""), size, packed, 0)
    later = bool(flags & FLAG_DESCRIPTOR)
    central = (member.raw_name, member.flags, member.method, member.crc, member.packed, member.size)
    if later and (crc, packed, size) == (0, 0, 0):
        crc, packed, size = central[3:]
    local = (raw, flags, method, crc, packed, size)
    differing = central != local
    if differing:
        for what, one, other in zip(_COMPARED, central, local, strict=True):
            if one != other:
                findings.add(
                    "PKG-ZIP-HEADER",
                    f"{member.label}: {what}",
                    f"目録では {one!r} / directory",
                    f"ローカルでは {other!r} / local",
                )
    end = start + member.packed
    if end > directory.start:
        findings.add(
            "PKG-ZIP-HEADER", member.label, "データは目録の前まで / data before the directory", f"{end} まで / to"
        )
        return None
    if later and not differing:
        end = _after_descriptor(data, end, member, findings)
    return member._replace(start=start), (offset, end)


def _after_descriptor(data: Buffer, end: int, member: Member, findings: Findings) -> int:
    """Where the entry ends, its data descriptor (with or without signature, 32 or 64 bits) included."""
    short = struct.pack("<III", member.crc, member.packed & _MAX32, member.size & _MAX32)
    wide = struct.pack("<IQQ", member.crc, member.packed, member.size)
    for candidate in (_DESCRIPTOR + short, _DESCRIPTOR + wide, short, wide):
        if data[end : end + len(candidate)] == candidate:
            return end + len(candidate)
    findings.add(
        "PKG-ZIP-HEADER",
        member.label,
        "目録と同じデータ記述子 / a data descriptor as in the directory",
        "一致しない / differs",
    )
    return end + 16 if data[end : end + 4] == _DESCRIPTOR else end


def _check_extents(extents: list[tuple[int, int, str]], directory: Directory, findings: Findings) -> None:
    """Every byte before the directory belongs to exactly one entry."""
    reached = directory.shift
    for start, end, label in sorted(extents):
        if start < reached:
            findings.add("PKG-ZIP-OVERLAP", label, f"{reached} 以降から / from", f"{start} から / from")
        elif start > reached:
            findings.add(
                "PKG-ZIP-JUNK",
                label,
                f"直前の終わり {reached} から / right after",
                f"間に {start - reached} バイト / bytes between",
            )
        reached = max(reached, end)
    if reached < directory.start:
        gap = directory.start - reached
        findings.add(
            "PKG-ZIP-JUNK", FILE, "エントリの直後に目録 / directory right after", f"間に {gap} バイト / bytes between"
        )
