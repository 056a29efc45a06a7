"""Attachment files open with independent readers; the ZIP writer agrees with zipfile."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import UTC, datetime

import pytest
from lxml import etree
from PIL import Image

from fixtures.attachments import attachment_bytes
from fixtures.errors import FixtureError, NotExpressible
from fixtures.pdf import text_pdf
from fixtures.zip_writer import Entry, write_zip
from interface_spec.procedures import ATTACHMENT_TYPES

AT = datetime(2026, 11, 23, 13, 57, 31, tzinfo=UTC)
MAGIC = {
    "xls": b"\xd0\xcf\x11\xe0", "doc": b"\xd0\xcf\x11\xe0", "ppt": b"\xd0\xcf\x11\xe0",
    "xlsx": b"PK\x03\x04", "docx": b"PK\x03\x04", "pptx": b"PK\x03\x04", "pdf": b"%PDF-",
    "jpeg": b"\xff\xd8\xff", "jpg": b"\xff\xd8\xff", "png": b"\x89PNG", "gif": b"GIF8",
    "tiff": b"II*\x00", "tif": b"II*\x00", "xml": b"<?xml", "txt": b"", "csv": b"",
}  # fmt: skip


@pytest.mark.parametrize("kind", ATTACHMENT_TYPES)
def test_every_type_starts_as_it_should_and_differs_by_text(kind: str) -> None:
    one, other = attachment_bytes(kind, "試験 1"), attachment_bytes(kind, "試験 2")
    assert one.startswith(MAGIC[kind])
    assert one != other
    assert one == attachment_bytes(kind, "試験 1")
    assert len(one) < 20_000


@pytest.mark.parametrize("kind", ["jpeg", "jpg", "png", "gif", "tiff", "tif"])
def test_pictures_open(kind: str) -> None:
    with Image.open(io.BytesIO(attachment_bytes(kind, "試験 <&>"))) as picture:
        picture.load()
        assert picture.size[0] >= 80


@pytest.mark.parametrize(
    ("kind", "part"), [("docx", "word/document.xml"), ("xlsx", "xl/worksheets/sheet1.xml"), ("pptx", "ppt/presentation.xml")]
)  # fmt: skip
def test_ooxml_is_well_formed(kind: str, part: str) -> None:
    with zipfile.ZipFile(io.BytesIO(attachment_bytes(kind, "試験 <&> --"))) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            etree.fromstring(archive.read(name))
        assert "試験" in archive.read(part).decode()
        assert f"/{archive.namelist()[2]}" in archive.read("[Content_Types].xml").decode()


@pytest.mark.parametrize("kind", ["xls", "doc", "ppt"])
def test_ole2_directory_names_the_stream(kind: str) -> None:
    data = attachment_bytes(kind, "試験")
    assert len(data) % 512 == 0
    fat_start, directory = struct.unpack_from("<I", data, 76)[0], struct.unpack_from("<I", data, 48)[0]
    entry = data[512 * (directory + 1) + 128 :][:128]
    start, size = struct.unpack_from("<IQ", entry, 116)
    stream, sector = b"", start
    while sector < 0xFFFFFFF0:
        stream += data[512 * (sector + 1) : 512 * (sector + 2)]
        sector = struct.unpack_from("<I", data, 512 * (fat_start + 1) + 4 * sector)[0]
    assert len(stream) == size == 4096
    assert stream.decode("utf-16-le").startswith("試験")


def test_unknown_type_is_refused() -> None:
    with pytest.raises(FixtureError, match="heic"):
        attachment_bytes("heic", "x")


def test_pdf_is_deterministic_and_breaks_pages() -> None:
    lines = [f"{number}行目　𠮷髙﨑\n<&>" + "長い" * 60 for number in range(60)]
    assert text_pdf("題名", lines) == text_pdf("題名", lines)
    assert text_pdf("題名", lines).count(b"/Type /Page\n") > 1
    assert "申請".encode("utf-16-be")[:1] in text_pdf("申請", [])


def test_zip_agrees_with_zipfile() -> None:
    entries = [
        Entry("a/空.txt", b"", "x"),
        Entry("a/b.txt", b"hello" * 100, "x"),
        Entry("c.bin", bytes(range(256)), "x", compress=False),
        Entry("r.bin", b"0123456789" * 1000, "x", repeat=7),
        Entry("s.bin", b"abc", "x", compress=False, repeat=5),
    ]
    with zipfile.ZipFile(io.BytesIO(write_zip(entries, AT))) as archive:
        assert archive.testzip() is None
        assert [archive.read(entry.name) for entry in entries] == [entry.data * entry.repeat for entry in entries]
        assert {info.date_time for info in archive.infolist()} == {(2026, 11, 23, 13, 57, 30)}
        assert all(info.external_attr >> 16 == 0o100644 for info in archive.infolist())


def test_repeated_data_stays_small() -> None:
    assert len(write_zip([Entry("z", bytes(2**20), "x", repeat=64)], AT)) < 100_000


def test_cp932_names_need_the_reader_to_know() -> None:
    data = write_zip([Entry("通帳①.txt", b"x", "x")], AT, "cp932")
    with zipfile.ZipFile(io.BytesIO(data), metadata_encoding="cp932") as archive:
        assert archive.namelist() == ["通帳①.txt"]
    with pytest.raises(NotExpressible, match=r"U\+20BB7"):
        write_zip([Entry("𠮷.txt", b"x", "x")], AT, "cp932")
