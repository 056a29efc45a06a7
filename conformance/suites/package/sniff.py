"""What an attachment really is, from its bytes; and what a person opening it should know."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from dataclasses import dataclass

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole2"),
    (b"MZ", "exe"),
    (b"\x7fELF", "elf"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "rar"),
    (b"\x1f\x8b", "gzip"),
    (b"{\\rtf", "rtf"),
    (b"#!", "script"),
    (b"\x4c\0\0\0\x01\x14\x02\0", "lnk"),
)
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif")
_EXPECTED = {
    "pdf": "pdf", "png": "png", "jpg": "jpeg", "jpeg": "jpeg", "gif": "gif", "tif": "tiff", "tiff": "tiff",
    "docx": "zip", "xlsx": "zip", "pptx": "zip", "doc": "ole2", "xls": "ole2", "ppt": "ole2",
    "txt": "text", "csv": "text", "xml": "text",
}  # fmt: skip
_OOXML_MAIN = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/"}
_TEXT_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MARKUP = re.compile(rb"<(!doctype\s+html|html|script|svg)\b", re.IGNORECASE)
_FORMULA = re.compile(r"""(?m)(?:^|,)\s*"?(?:[=@][A-Za-z(+-]|[+-][A-Za-z(@=])""")
_PIXELS = 100_000_000
_LOOK = 1 << 12
"""Bytes at either end of a picture in which a browser might find markup."""
_END_OF_ZIP = re.compile(rb"PK\x05\x06")


@dataclass(frozen=True)
class Remark:
    """``rule`` of the validator, and what was seen."""

    rule: str
    expected: str
    actual: str


def kind_of(data: bytes) -> str:
    """The kind that the first bytes show: pdf, jpeg, zip, ole2, heif, exe, text, …; ``binary`` when nothing fits."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return "heif"
    head = data[:4096]
    if _MARKUP.match(head.lstrip(b"\xef\xbb\xbf \t\r\n")):
        return "html"
    return "text" if data[:2] in _TEXT_MARKS or b"\0" not in head else "binary"


def remarks(extension: str, data: bytes, whole: bool, inner_limit: int) -> list[Remark]:
    """Everything worth a person's attention; ``inner_limit`` bounds what an OOXML file may claim to unpack to."""
    kind, expected = kind_of(data), _EXPECTED.get(extension, "")
    if kind == "ole2" and expected == "zip" and "EncryptedPackage".encode("utf-16-le") in data:
        return [Remark("PKG-ATT-LOCKED", "開ける / opens", "パスワード付き / password-protected")]
    if kind != expected:
        return [Remark("PKG-ATT-CONTENT", expected, kind)]
    found: list[Remark] = []
    if kind == "zip" and whole:
        found += _ooxml(extension, data, inner_limit)
    if kind == "ole2" and "_VBA_PROJECT".encode("utf-16-le") in data:
        found.append(Remark("PKG-ATT-MACRO", "マクロなし / no macro", "VBA"))
    if kind == "pdf":
        found += _pdf(data)
    if kind == "png" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        if width * height > _PIXELS:
            found.append(Remark("PKG-ATT-PIXELS", f"{_PIXELS} 画素以下 / pixels", f"{width}×{height}"))
    if extension == "csv" and _FORMULA.search(data[: 1 << 20].decode("utf-8", "replace")):
        found.append(Remark("PKG-ATT-FORMULA", "式で始まる欄なし / no formula cell", "あり / present"))
    if extension == "xml" and b"<!DOCTYPE" in data[: 1 << 20]:
        found.append(Remark("PKG-ATT-DTD", "DTD なし / no document type", "あり / present"))
    if second := _second_face(kind, data):
        found.append(Remark("PKG-ATT-POLYGLOT", f"{kind} だけ / only", f"{second} としても読める / also reads as"))
    return found


def _second_face(kind: str, data: bytes) -> str:
    """Another kind of file that the same bytes are, when a reader looks elsewhere than at the first byte."""
    if kind in ("pdf", "jpeg", "png", "gif", "tiff") and _END_OF_ZIP.search(data, max(0, len(data) - 65557)):
        return "zip"
    if kind != "pdf" and b"%PDF-" in data[:1024]:
        return "pdf"
    if kind in ("jpeg", "png", "gif", "tiff") and (_MARKUP.search(data[:_LOOK]) or _MARKUP.search(data[-_LOOK:])):
        return "html"
    return ""


def _pdf(data: bytes) -> list[Remark]:
    found = []
    if b"/Encrypt" in data:
        found.append(Remark("PKG-ATT-LOCKED", "開ける / opens", "/Encrypt"))
    active = [name.decode() for name in (b"/JavaScript", b"/JS ", b"/Launch", b"/EmbeddedFile") if name in data]
    if active:
        found.append(Remark("PKG-ATT-ACTIVE", "動作なし / no action", " ".join(active)))
    return found


def _ooxml(extension: str, data: bytes, inner_limit: int) -> list[Remark]:
    """The directory of an OOXML file; nothing in it is inflated."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            members = inner.infolist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError, struct.error) as error:
        return [Remark("PKG-ATT-CONTENT", extension, f"壊れた zip / broken zip: {type(error).__name__}")]
    names = [one.filename for one in members]
    claimed = sum(one.file_size for one in members)
    if claimed > inner_limit:
        return [Remark("PKG-ATT-BOMB", f"{inner_limit} バイト以下 / bytes", f"{claimed} バイト / bytes")]
    if not any(name.startswith(_OOXML_MAIN[extension]) for name in names) or "[Content_Types].xml" not in names:
        return [Remark("PKG-ATT-CONTENT", extension, "別の zip / another kind of zip")]
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        return [Remark("PKG-ATT-MACRO", "マクロなし / no macro", "vbaProject.bin")]
    return []
