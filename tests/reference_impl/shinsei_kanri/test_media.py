"""Media types: bytes decide over names."""

from __future__ import annotations

import pytest

from reference_impl.shinsei_kanri import media


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("a.PDF", b"%PDF-1.7", "application/pdf"),
        ("a.pdf", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("a.jpeg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.tif", b"II*\0", "image/tiff"),
        ("a.docx", b"PK\x03\x04", media.BY_EXTENSION["docx"]),
        ("a.pdf", b"PK\x03\x04", media.UNKNOWN),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/vnd.ms-excel"),
        ("a.csv", b"1,2", "text/csv"),
        ("a.txt", b"", "text/plain"),
        ("a.txt", b"a\0b", media.UNKNOWN),
        ("a.pdf", b"<html>", media.UNKNOWN),
        ("a.html", b"<html>", media.UNKNOWN),
        ("noname", b"x", media.UNKNOWN),
    ],
)
def test_detection(name: str, body: bytes, expected: str) -> None:
    assert media.detect(name, body) == expected
