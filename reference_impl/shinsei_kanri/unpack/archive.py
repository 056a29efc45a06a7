"""The ZIP itself: entries by name, in bounded memory, nothing ever written under a name from inside."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reference_impl.shinsei_kanri.records import Content
from reference_impl.shinsei_kanri.unpack import structure
from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage

CHUNK = 65536
_SUPPORTED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1 | 0x40
_BROKEN = "ZIP として読めません（壊れています） / not readable as a ZIP"


@dataclass(frozen=True)
class Bounds:
    """The profile's limits: bytes of the ZIP, bytes of all entries together, number of entries."""

    package_bytes: int
    unpacked_bytes: int
    entries: int


def read_entries(body: Content, bounds: Bounds, name_encoding: str) -> Mapping[str, Content]:
    """Entry name → content, folders left out. Raises RefusedPackage.

    Nothing large is in memory twice: a stored entry is a view of ``body`` itself.
    """
    if len(body) > bounds.package_bytes:
        raise RefusedPackage(f"ZIP が上限 {bounds.package_bytes} バイトを超えています / ZIP larger than the limit")
    found = structure.entries(body)
    members = _members(body, name_encoding)
    check_count(len(members), bounds)
    for member in members:
        check_member(member)
    check_names([member.filename for member in members])
    check_declared_size(members, bounds)
    if [member.header_offset for member in members] != [entry.offset for entry in found]:
        raise RefusedPackage("ZIP の目録を二通りに読めます / the directory can be read in two ways")
    return _contents(body, found, members, bounds)


def _members(body: Content, name_encoding: str) -> list[zipfile.ZipInfo]:
    """The directory as the standard library reads it. RefusedPackage for one that it refuses."""
    try:
        with zipfile.ZipFile(io.BytesIO(body), metadata_encoding=name_encoding) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError) as error:
        raise RefusedPackage(f"{_BROKEN}: {type(error).__name__}") from None


def claimed_bytes(body: Content) -> int:
    """What the entries claim to hold together; no entry can unpack to more. 0 for what is refused anyway."""
    try:
        return structure.claimed_bytes(body)
    except RefusedPackage:
        return 0


def check_count(count: int, bounds: Bounds) -> None:
    """RefusedPackage when the ZIP has more entries than the limit."""
    if count > bounds.entries:
        raise RefusedPackage(f"ZIP のエントリ数 {count} が上限 {bounds.entries} を超えています / too many entries")


def check_member(member: zipfile.ZipInfo) -> None:
    """RefusedPackage for an entry that must not be opened: encrypted, a link or device, unknown compression, bad name."""
    check_name(member.orig_filename)
    if member.flag_bits & _ENCRYPTED:
        raise RefusedPackage("暗号化されたエントリがあります / an entry is encrypted")
    if member.create_system == 3 and member.external_attr >> 16:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise RefusedPackage(
                "シンボリックリンクなど通常のファイルでないエントリがあります / an entry is no regular file"
            )
    if member.compress_type not in _SUPPORTED:
        raise RefusedPackage("対応していない圧縮方式のエントリがあります / unsupported compression")


def check_name(name: str) -> None:
    """RefusedPackage for a name that could leave the ZIP's own folder, on any operating system."""
    if "\0" in name:
        raise RefusedPackage("エントリ名に NUL 文字があります / an entry name holds a NUL")
    if "\\" in name:
        raise RefusedPackage("エントリ名に逆斜線があります / an entry name holds a backslash")
    if name.startswith("/") or name[1:2] == ":":
        raise RefusedPackage("エントリ名が絶対パスです / an entry name is an absolute path")
    if any(part in ("..", ".") for part in name.split("/")):
        raise RefusedPackage("エントリ名が ZIP の外を指しています（..） / an entry name leads out of the ZIP")


def check_names(names: list[str]) -> None:
    """RefusedPackage when two entries share a name: readers would disagree on which one counts."""
    if len(set(names)) != len(names):
        raise RefusedPackage("同じ名前のエントリが二度あります / an entry name stands twice")


def check_declared_size(members: list[zipfile.ZipInfo], bounds: Bounds) -> None:
    """RefusedPackage when the entries say themselves that they are larger than the limit together."""
    if sum(member.file_size for member in members) > bounds.unpacked_bytes:
        raise RefusedPackage(
            f"展開後の合計が上限 {bounds.unpacked_bytes} バイトを超えています / unpacked size over the limit"
        )


def _contents(
    body: Content, found: Sequence[structure.Entry], members: Sequence[zipfile.ZipInfo], bounds: Bounds
) -> dict[str, Content]:
    left, view = bounds.unpacked_bytes, memoryview(body)
    contents: dict[str, Content] = {}
    for member, entry in zip(members, found, strict=True):
        content = unpacked(view[slice(*entry.data)], member.compress_type, min(left, entry.size))
        left -= len(content)
        if member.is_dir():
            if content:
                raise RefusedPackage("フォルダのエントリに中身があります / a folder entry has content")
            continue
        if len(content) != member.file_size:
            raise RefusedPackage("エントリの大きさが目録と違います / an entry's size differs from the directory")
        if zlib.crc32(content) != member.CRC:
            raise RefusedPackage(f"{_BROKEN}: CRC が一致しません / CRC differs")
        contents[member.filename] = content
    return contents


def unpacked(packed: memoryview, method: int, most: int) -> Content:
    """The content of one entry, at most ``most`` bytes whatever it claims. RefusedPackage for more, or for a rest."""
    if method == zipfile.ZIP_STORED:
        if len(packed) > most:
            raise RefusedPackage("展開後の合計が上限を超えています / unpacked size over the limit")
        return packed if len(packed) > CHUNK else bytes(packed)
    try:
        return _inflated(packed, most)
    except zlib.error as error:
        raise RefusedPackage(f"{_BROKEN}: {type(error).__name__}") from None


def _inflated(packed: memoryview, most: int) -> Content:
    inflater, content, used = zlib.decompressobj(-zlib.MAX_WBITS), bytearray(), 0
    for start in range(0, len(packed), CHUNK):
        if inflater.eof:
            break
        piece: bytes | memoryview = packed[start : start + CHUNK]  # in pieces: what is not used yet would be copied
        while piece and not inflater.eof:
            content += inflater.decompress(piece, CHUNK)
            check_size(content, most)
            piece = inflater.unconsumed_tail
        used = min(start + CHUNK, len(packed)) - len(inflater.unused_data)
    while not inflater.eof:
        more = inflater.decompress(b"", CHUNK)
        if not more:
            raise RefusedPackage("圧縮データが途中で終わっています / compressed data ends early")
        content += more
        check_size(content, most)
    if used != len(packed):
        raise RefusedPackage("圧縮データの後に何かがあります / something follows the compressed data")
    return bytes(content) if len(content) <= CHUNK else memoryview(content).toreadonly()


def check_size(content: bytearray, most: int) -> None:
    """RefusedPackage for content that is longer than it may be."""
    if len(content) > most:
        raise RefusedPackage("展開すると申告より大きくなります / larger than it claims, or than the limit")
