"""A sound application ZIP as a dictionary of entries, and ways to spoil it; written here, not by the product's code."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime

from interface_spec.profile import Profile, load_profile
from reference_impl.shinsei_kanri.records import Application, Listed
from reference_impl.shinsei_kanri.unpack import package

RECEIPT = "R0001"
PDF = b"%PDF-1.4\n%%EOF"
PROFILE = load_profile()


def application_xml(**changes: str) -> str:
    values = {
        "receiptNo": RECEIPT,
        "procedureId": "K01",
        "procedureName": "手続",
        "dantaiCode": "991236",
        "appliedAt": "2026-11-22T10:00:00+0900",
        "applicantKind": "1",
        "origin": "1",
        "attachmentCount": "1",
    } | changes
    return element("application", values)


def element(tag: str, values: dict[str, str]) -> str:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return f"<{tag}>{inner}</{tag}>"


def attachments_xml(body: bytes = PDF, **changes: str) -> str:
    values = {
        "seq": "1",
        "label": "写し",
        "fileName": "copy.pdf",
        "size": str(len(body)),
        "sha256": hashlib.sha256(body).hexdigest(),
    } | changes
    return f"<attachments>{element('attachment', values)}</attachments>"


def form_xml(*values: str) -> str:
    rows = [
        element(
            "item", {"id": "child_name", "label": "氏名", "group": "children", "occurrence": str(n), "value": value}
        )
        for n, value in enumerate(values, 1)
    ]
    return f"<form>{''.join(rows)}</form>"


def verification_xml(**changes: str) -> str:
    return element("verification", {"result": "00", "verifiedAt": "2026-11-22T10:00:01+0900"} | changes)


def sound() -> dict[str, bytes]:
    return {
        f"{RECEIPT}/application.xml": application_xml().encode(),
        f"{RECEIPT}/attachments.xml": attachments_xml().encode(),
        f"{RECEIPT}/form.xml": form_xml("一郎").encode(),
        f"{RECEIPT}/sigverify.xml": verification_xml().encode(),
        f"{RECEIPT}/form.pdf": PDF,
        f"{RECEIPT}/attachments/01_copy.pdf": PDF,
    }


@dataclass
class Builder:
    """Entries to be zipped; ``raw`` entries come with their own ZipInfo."""

    entries: dict[str, bytes] = field(default_factory=sound)
    raw: list[tuple[zipfile.ZipInfo, bytes]] = field(default_factory=list)

    def replace(self, name: str, content: str | bytes) -> Builder:
        self.entries[f"{RECEIPT}/{name}"] = content.encode() if isinstance(content, str) else content
        return self

    def without(self, name: str) -> Builder:
        del self.entries[f"{RECEIPT}/{name}"]
        return self

    def bytes(self) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.entries.items():
                archive.writestr(name, content)
            for info, content in self.raw:
                archive.writestr(info, content)
        return buffer.getvalue()


def listed(body: bytes) -> Listed:
    moment = datetime(2026, 11, 22, 1, tzinfo=UTC)
    return Listed(RECEIPT, "K01", "991236", moment, moment, len(body), hashlib.sha256(body).hexdigest())


def unpack(body: bytes, profile: Profile = PROFILE) -> Application:
    return package.unpack(body, listed(body), profile)
