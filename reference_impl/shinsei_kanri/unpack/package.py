"""One application ZIP, entry by entry, against the profile's layout and against what the list said about it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from interface_spec.procedures import ATTACHMENT_TYPES
from interface_spec.profile import Profile
from reference_impl.shinsei_kanri import media
from reference_impl.shinsei_kanri.records import (
    Application,
    AttachedFile,
    Basic4,
    Content,
    FormValue,
    Listed,
    Verification,
)
from reference_impl.shinsei_kanri.unpack import archive, documents
from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage
from reference_impl.shinsei_kanri.wiring.fields import Fields

SERIAL_BITS = 160
"""RFC 5280 4.1.2.2: a certificate serial has at most 20 octets."""


@dataclass(frozen=True)
class Layout:
    """The entry names of one application: documents by their canonical name, the form as PDF."""

    documents: Mapping[str, str]
    form_pdf: str


def unpack(body: Content, listed: Listed, profile: Profile) -> Application:
    """The application in ``body``. Raises RefusedPackage with the reason that staff will read."""
    entries = archive.read_entries(body, bounds(profile), profile.package.entry_name_encoding)
    layout = layout_of(profile, listed.receipt_no)
    check_complete(entries, layout, profile)
    package = profile.package.documents
    application, _ = documents.read_record(
        package["application"], entries[layout.documents["application"]], profile.codes
    )
    check_belongs(application, listed)
    attachments = read_attachments(
        entries,
        documents.read_rows(package["attachments"], entries[layout.documents["attachments"]], profile.codes),
        listed,
        profile,
    )
    check_attachment_count(application, attachments)
    check_nothing_else(entries, layout, attachments, listed, profile)
    return Application(
        receipt_no=listed.receipt_no,
        procedure_id=application.text("procedure_id"),
        procedure_name=application.text("procedure_name"),
        dantai_code=application.text("dantai_code"),
        applied_at=application.moment("applied_at"),
        applicant_kind=application.text("applicant_kind"),
        origin=application.text("origin"),
        items=read_form(documents.read_rows(package["form"], entries[layout.documents["form"]], profile.codes)),
        attachments=attachments,
        verification=read_verification(profile, entries[layout.documents["verification"]]),
        form_pdf=check_form_pdf(entries[layout.form_pdf]),
    )


def bounds(profile: Profile) -> archive.Bounds:
    return archive.Bounds(
        profile.limit("package_bytes"), profile.limit("unpacked_bytes"), profile.limit("package_entries")
    )


def layout_of(profile: Profile, receipt_no: str) -> Layout:
    package = profile.package
    return Layout(
        {name: document.path.format(receipt_no=receipt_no) for name, document in package.documents.items()},
        package.form_pdf.format(receipt_no=receipt_no),
    )


def check_complete(entries: Mapping[str, Content], layout: Layout, profile: Profile) -> None:
    """RefusedPackage when a document of the layout is missing."""
    for name, path in layout.documents.items():
        if path not in entries:
            ja = profile.package.documents[name].ja
            raise RefusedPackage(f"{ja}が ZIP の中にありません / the document is missing from the ZIP")
    if layout.form_pdf not in entries:
        raise RefusedPackage("申請書のPDFが ZIP の中にありません / the form PDF is missing from the ZIP")


def check_belongs(application: Fields, listed: Listed) -> None:
    """RefusedPackage when the ZIP says another 受付番号, 団体コード or 手続 than the list."""
    for name, ja, expected in (
        ("receipt_no", "受付番号", listed.receipt_no),
        ("dantai_code", "団体コード", listed.dantai_code),
        ("procedure_id", "手続ID", listed.procedure_id),
    ):
        if application.text(name) != expected:
            raise RefusedPackage(f"ZIP の中の{ja}が一覧と違います / {name} inside the ZIP differs from the list")


def read_form(rows: list[Fields]) -> tuple[FormValue, ...]:
    """Every item in the order sent, known to the procedure or not, exactly as written."""
    items = tuple(
        FormValue(row.text("item_id"), row.text("label"), row.text("group"), row.whole("occurrence"), row.text("value"))
        for row in rows
    )
    if len({(item.group, item.occurrence, item.item_id) for item in items}) != len(items):
        raise RefusedPackage("申請項目データに同じ項目が二度あります / a form item stands twice")
    return items


def read_attachments(
    entries: Mapping[str, Content], rows: list[Fields], listed: Listed, profile: Profile
) -> tuple[AttachedFile, ...]:
    """Every attachment of the list with its bytes; RefusedPackage when list and entry disagree."""
    found = []
    for row in rows:
        seq, file_name = row.whole("seq"), row.text("file_name")
        body = entries.get(attachment_path(profile, listed.receipt_no, seq, file_name))
        if body is None:
            raise RefusedPackage(f"添付ファイル {seq} が ZIP の中にありません / attachment {seq} is missing")
        check_kind(seq, file_name)
        check_attachment(seq, body, row.whole("size"), row.text("sha256"))
        kind = media.detect(file_name, body)
        found.append(AttachedFile(seq, row.text("label"), file_name, kind, len(body), row.text("sha256"), body))
    if len({file.seq for file in found}) != len(found):
        raise RefusedPackage("添付ファイル一覧に同じ連番が二度あります / an attachment number stands twice")
    return tuple(sorted(found, key=lambda file: file.seq))


def attachment_path(profile: Profile, receipt_no: str, seq: int, file_name: str) -> str:
    """The entry name; RefusedPackage for a file name that would lead elsewhere."""
    archive.check_name(file_name)
    return profile.package.attachment.format(receipt_no=receipt_no, seq=seq, file_name=file_name)


def check_kind(seq: int, file_name: str) -> None:
    """RefusedPackage for a file of a kind that マイナポータル does not accept (公開: FAQ 4288)."""
    if file_name.rpartition(".")[2].lower() not in ATTACHMENT_TYPES or "." not in file_name:
        raise RefusedPackage(
            f"添付ファイル {seq} は公開の一覧にない種類です / attachment {seq} is of a kind not accepted"
        )


def check_form_pdf(body: Content) -> Content:
    """``body``; RefusedPackage when it is no PDF."""
    if body[:5] != b"%PDF-":
        raise RefusedPackage("申請書がPDFではありません / the form is no PDF")
    return body


def check_attachment(seq: int, body: Content, size: int, sha256: str) -> None:
    """RefusedPackage when the entry is not the file that the list describes."""
    if len(body) != size:
        raise RefusedPackage(f"添付ファイル {seq} の大きさが一覧と違います / size of attachment {seq} differs")
    if hashlib.sha256(body).hexdigest() != sha256:
        raise RefusedPackage(f"添付ファイル {seq} のSHA-256が一覧と違います / SHA-256 of attachment {seq} differs")


def check_attachment_count(application: Fields, attachments: tuple[AttachedFile, ...]) -> None:
    """RefusedPackage when 申請情報 promises another number of attachments."""
    if application.whole("attachment_count") != len(attachments):
        raise RefusedPackage("添付ファイルの件数が申請情報と違います / number of attachments differs")


def check_nothing_else(
    entries: Mapping[str, Content],
    layout: Layout,
    attachments: tuple[AttachedFile, ...],
    listed: Listed,
    profile: Profile,
) -> None:
    """RefusedPackage for an entry that the layout does not know: nothing in the ZIP may be overlooked."""
    known = {*layout.documents.values(), layout.form_pdf}
    known |= {attachment_path(profile, listed.receipt_no, file.seq, file.file_name) for file in attachments}
    if set(entries) - known:
        raise RefusedPackage(
            "ZIP に仕様にないエントリがあります / the ZIP holds an entry that the layout does not know"
        )


def read_verification(profile: Profile, body: Content) -> Verification:
    """電子署名検証結果データ. A birth date with unknown parts is kept as text: staff judge it."""
    typed, raw = documents.read_record(
        profile.package.documents["verification"], body, profile.codes, lenient=("birth_date",)
    )
    birth, serial = typed.day_or_none("birth_date"), typed.whole_or_none("serial")
    if serial is not None and serial.bit_length() > SERIAL_BITS:
        raise RefusedPackage("シリアル番号が 20 オクテットを超えています / the serial exceeds 20 octets")
    return Verification(
        result=typed.text("result"),
        reason=typed.text("reason"),
        verified_at=typed.moment("verified_at"),
        serial=serial,
        basic4=Basic4(
            name=typed.text("name"),
            birth_date=birth,
            gender=typed.text("gender"),
            address=typed.text("address"),
            birth_text="" if birth else raw.text("birth_date"),
        ),
        name_substituted=typed.flag("name_substituted"),
        address_substituted=typed.flag("address_substituted"),
    )
