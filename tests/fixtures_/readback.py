"""A second, independent reading of packages for the tests: zipfile, lxml and csv; shares no code with the writer."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass

from lxml import etree

from interface_spec.profile import Document, Item, Profile


@dataclass(frozen=True)
class Read:
    application: dict[str, str]
    attachments: list[dict[str, str]]
    form: list[dict[str, str]]
    verification: dict[str, str]
    files: dict[str, bytes]


def open_zip(data: bytes, profile: Profile) -> zipfile.ZipFile:
    encoding = profile.package.entry_name_encoding
    return zipfile.ZipFile(io.BytesIO(data), metadata_encoding=None if encoding == "utf-8" else encoding)


def _records(raw: bytes, spec: Document, items: dict[str, Item]) -> list[dict[str, str]]:
    if spec.bom:
        assert raw.startswith(b"\xef\xbb\xbf")
        raw = raw[3:]
    names = {item.wire: name for name, item in items.items()}
    text = raw.decode(spec.encoding)
    if spec.container == "csv":
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        assert rows[0] == list(names)
        return [dict(zip(names.values(), row, strict=True)) for row in rows[1:]]
    root = etree.fromstring(text.partition("?>\n")[2])
    assert root.tag == spec.root
    parents = [root] if spec.items else root.findall(spec.row_element)
    return [{names[str(child.tag)]: child.text or "" for child in parent} for parent in parents]


def read(data: bytes, receipt_no: str, profile: Profile) -> Read:
    package = profile.package
    with open_zip(data, profile) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}

    def document(name: str) -> list[dict[str, str]]:
        spec = package.documents[name]
        return _records(files[spec.path.format(receipt_no=receipt_no)], spec, spec.items or spec.row)

    return Read(
        application=document("application")[0],
        attachments=document("attachments"),
        form=document("form"),
        verification=document("verification")[0],
        files=files,
    )
