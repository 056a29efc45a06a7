"""The list of attachments against the files themselves."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import category

from conformance.suites.package import sniff
from conformance.suites.package.contents import Content
from conformance.suites.package.documents import Row
from conformance.suites.package.findings import Findings
from interface_spec.procedures import ATTACHMENT_TYPES
from interface_spec.profile import Package

KEEP = 8 << 20
"""Bytes of one attachment that are looked into; digest and size are always those of all bytes."""


def attachment_path(package: Package, receipt_no: str, row: Row) -> str | None:
    """The entry name that the template gives for ``row``; None when the row does not say enough."""
    seq, file_name = row["seq"], row["file_name"]
    if not isinstance(seq, int) or not isinstance(file_name, str):
        return None
    return package.attachment.format(receipt_no=receipt_no, seq=seq, file_name=file_name)


def check_list(rows: Sequence[Row], findings: Findings) -> None:
    """Numbers from 1 without gap or repetition; plain file names of a type that the portal accepts."""
    numbers = [row["seq"] for row in rows]
    readable = all(isinstance(one, int) for one in numbers)
    if readable and sorted(map(str, numbers)) != sorted(map(str, range(1, len(rows) + 1))):
        findings.add("PKG-ATT-SEQ", "attachments", f"1 から {len(rows)} / from 1", ", ".join(map(str, numbers)))
    for number, row in enumerate(rows, start=1):
        name = row["file_name"]
        if not isinstance(name, str):
            continue
        place = f"attachments[{number}]"
        if not name or "/" in name or "\\" in name or name in (".", "..") or any(category(one) == "Cc" for one in name):
            findings.add("PKG-ATT-NAME", place, "ファイル名だけ / a plain file name", name)
        extension = name.rpartition(".")[2].lower() if "." in name else ""
        if extension not in ATTACHMENT_TYPES:
            findings.add("PKG-ATT-TYPE", place, " ".join(ATTACHMENT_TYPES), extension or "なし / none")


def check_file(number: int, row: Row, content: Content, inner_limit: int, findings: Findings) -> None:
    """Size, digest and kind of one attachment."""
    place = f"attachments[{number}]"
    if isinstance(row["size"], int) and row["size"] != content.size:
        findings.add("PKG-ATT-SIZE", place, f"一覧では {row['size']} / listed", f"{content.size} バイト / bytes")
    if isinstance(row["sha256"], str) and row["sha256"] != content.sha256:
        findings.add("PKG-ATT-DIGEST", place, str(row["sha256"]), content.sha256)
    name = row["file_name"] if isinstance(row["file_name"], str) else ""
    extension = name.rpartition(".")[2].lower()
    if content.size == 0:
        findings.add("PKG-ATT-EMPTY", place, "1 バイト以上 / at least a byte", "0")
    elif extension in ATTACHMENT_TYPES:
        for remark in sniff.remarks(extension, content.data, content.whole, inner_limit):
            findings.add(remark.rule, f"{place} {name}", remark.expected, remark.actual)
