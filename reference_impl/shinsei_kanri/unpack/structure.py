"""The ZIP byte by byte: what a reader from the front and a reader from the back see must be the same file.

Every byte belongs to exactly one entry, to the directory or to the end record; both descriptions of an entry agree.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from reference_impl.shinsei_kanri.records import Content
from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage

_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_CENTRAL, _LOCAL, _DESCRIPTOR = b"PK\x01\x02", b"PK\x03\x04", b"PK\x07\x08"
_MASKED, _DESCRIBED_LATER, _ENCRYPTED = 0x2000, 0x8, 0x41
_FULL = 0xFFFFFFFF
_WIDE, _UNICODE_NAME = 0x0001, 0x7075
_IN_DIRECTORY, _IN_FRONT = struct.Struct("<4x4x2H4x3I4H6xI"), struct.Struct("<4x2x2H4x3I2H")
"""An entry in the directory, and its own header: flags, method, CRC, packed, size, lengths (and disk and offset)."""
_END_REACH = 22 + 0xFFFF
"""The end record with the longest comment."""


class Entry(NamedTuple):
    """One entry as the directory describes it; ``data`` is where its bytes lie."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    data: tuple[int, int] = (0, 0)


def entries(body: Content) -> list[Entry]:
    """The entries in the order of the directory. Raises RefusedPackage unless the file is what it seems to be."""
    try:
        count, start, end = _end_record(body)
        found = _directory(body, count, start, end)
        return _placed(body, found, start)
    except struct.error:
        raise RefusedPackage("ZIP として読めません（壊れています） / not readable as a ZIP: cut") from None


def claimed_bytes(body: Content) -> int:
    """What the directory says that the entries hold together. Raises RefusedPackage where there is no directory."""
    try:
        return sum(entry.size for entry in _directory(body, *_end_record(body)))
    except struct.error:
        raise RefusedPackage("ZIP として読めません（壊れています） / not readable as a ZIP: cut") from None


def _end_record(body: Content) -> tuple[int, int, int]:
    """(number of entries, start of the directory, its end)."""
    searched = max(len(body) - _END_REACH, 0)
    position = searched + bytes(body[searched:]).rfind(_END)
    if position < searched:
        raise RefusedPackage("ZIP として読めません（終端記録がありません） / not readable as a ZIP: no end record")
    disk, first_disk, here, count, size, start, comment = struct.unpack_from("<4H2IH", body, position + 4)
    if position + 22 + comment != len(body):
        raise RefusedPackage("終端記録とファイルの長さが合いません / something follows the ZIP, or its end is cut")
    end = position
    if body[position - 20 : position - 16] == _LOCATOR64:
        wide = struct.unpack_from("<Q", body, position - 12)[0]
        if body[wide : wide + 4] != _END64:
            raise RefusedPackage("ZIP64 の終端記録がありません / the ZIP64 end record is missing")
        numbers = struct.unpack_from("<2I4Q", body, wide + 16)
        length = struct.unpack_from("<Q", body, wide + 4)[0]
        narrow, full = (disk, first_disk, here, count, size, start), (0xFFFF,) * 4 + (_FULL,) * 2
        if any(one not in (limit, other) for one, limit, other in zip(narrow, full, numbers, strict=True)):
            raise RefusedPackage("二つの終端記録が違います / the two end records disagree")
        if wide + 12 + length != position - 20:
            raise RefusedPackage("ZIP64 の終端記録の長さが違います / the ZIP64 end record has another length")
        disk, first_disk, here, count, size, start = numbers
        end = wide
    if disk or first_disk or here != count:
        raise RefusedPackage("分割された ZIP は受け付けません / a split ZIP is refused")
    if start + size != end:
        raise RefusedPackage("ZIP の目録の位置が終端記録と合いません / the directory is not where the end record says")
    return count, start, end


def _directory(body: Content, count: int, start: int, end: int) -> list[Entry]:
    found, position = list[Entry](), start
    while position < end:
        if body[position : position + 4] != _CENTRAL:
            raise RefusedPackage("ZIP の目録が壊れています / the directory is damaged")
        (flags, method, crc, packed, size, name_length, extra_length, comment, disk, offset) = (
            _IN_DIRECTORY.unpack_from(body, position)
        )
        after = position + 46 + name_length
        name, extra = bytes(body[position + 46 : after]), bytes(body[after : after + extra_length])
        if _FULL in (size, packed, offset):
            size, packed, offset = _widened(extra, [size, packed, offset])
        if disk:
            raise RefusedPackage("分割された ZIP は受け付けません / a split ZIP is refused")
        if flags & _ENCRYPTED:
            raise RefusedPackage("暗号化されたエントリがあります / an entry is encrypted")
        if flags & _MASKED:
            raise RefusedPackage("目録が隠された ZIP は受け付けません / a masked directory is refused")
        if not name:
            raise RefusedPackage("名前のないエントリがあります / an entry has no name")
        if extra:
            _check_second_name(extra, name, utf8=bool(flags & 0x800))
        found.append(Entry(name, flags, method, crc, packed, size, offset))
        position += 46 + name_length + extra_length + comment
    if position != end or len(found) != count:
        raise RefusedPackage("エントリの件数が終端記録と違います / the number of entries differs from the end record")
    return found


def _fields(extra: bytes) -> dict[int, bytes]:
    found, position = dict[int, bytes](), 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        found.setdefault(kind, extra[position + 4 : position + 4 + length])
        position += 4 + length
    return found


def _widened(extra: bytes, values: list[int]) -> list[int]:
    """32-bit ``values`` that are all ones, replaced by the 64-bit ones of the extra field, in their order."""
    wide, position, result = _fields(extra).get(_WIDE, b""), 0, list[int]()
    for value in values:
        if value == _FULL:
            value = struct.unpack_from("<Q", wide, position)[0]
            position += 8
        result.append(value)
    return result


def _check_second_name(extra: bytes, name: bytes, *, utf8: bool) -> None:
    """RefusedPackage when the entry says a second name that is not the first."""
    second = _fields(extra).get(_UNICODE_NAME)
    if second is None:
        return
    encodings = ("utf-8",) if utf8 else ("utf-8", "cp932", "cp437")
    if second[5:] not in [text.encode() for text in (_decoded(name, one) for one in encodings) if text]:
        raise RefusedPackage("エントリに二つの名前があります / an entry has two names")


def _decoded(name: bytes, encoding: str) -> str:
    try:
        return name.decode(encoding)
    except UnicodeDecodeError:
        return ""


def _placed(body: Content, found: Sequence[Entry], directory: int) -> list[Entry]:
    """Every entry with the place of its data. They follow each other from the first byte to the directory."""
    placed: dict[int, Entry] = {}
    expected = 0
    for entry in sorted(found, key=lambda one: one.offset):
        if entry.offset != expected:
            raise RefusedPackage("どのエントリにも属さないデータか、重なったエントリがあります / stray or shared bytes")
        first, expected = _local(body, entry, directory)
        placed[entry.offset] = entry._replace(data=(first, first + entry.packed))
    if expected != directory:
        raise RefusedPackage("どのエントリにも属さないデータがあります / bytes that belong to no entry")
    return [placed[entry.offset] for entry in found]


def _local(body: Content, entry: Entry, directory: int) -> tuple[int, int]:
    """(first byte of the data, first byte after the entry), its own header compared with the directory."""
    at = entry.offset
    if body[at : at + 4] != _LOCAL:
        raise RefusedPackage("エントリの見出しがありません / an entry's header is missing")
    flags, method, crc, packed, size, name_length, extra_length = _IN_FRONT.unpack_from(body, at)
    name = bytes(body[at + 30 : at + 30 + name_length])
    first = at + 30 + name_length + extra_length
    extra = bytes(body[first - extra_length : first])
    after = first + entry.packed
    if after > directory:
        raise RefusedPackage("エントリのデータがファイルの外まであります / an entry's data leads out of the file")
    later = bool(entry.flags & _DESCRIBED_LATER)
    if _FULL in (size, packed):
        size, packed = _widened(extra, [size, packed])
    told, true = (crc, size, packed), (entry.crc, entry.size, entry.packed)
    fits = told == true or (
        later
        and told[0] in (0, entry.crc)
        and all(one in (0, two) for one, two in zip(told[1:], true[1:], strict=True))
    )
    if (name, flags, method) != (entry.name, entry.flags, entry.method) or not fits:
        raise RefusedPackage("エントリの見出しと目録が違います / an entry's header differs from the directory")
    return first, after + (_descriptor(body, after, entry) if later else 0)


def _descriptor(body: Content, at: int, entry: Entry) -> int:
    """The length of the data descriptor at ``at``; RefusedPackage when it says something else than the directory."""
    for form in ("<III", "<IQQ"):
        said = struct.pack(form, entry.crc, entry.packed, entry.size)
        for signature in (_DESCRIPTOR, b""):
            if body[at : at + len(signature) + len(said)] == signature + said:
                return len(signature) + len(said)
    raise RefusedPackage("データ記述子と目録が違います / a data descriptor differs from the directory")
