"""The validator: one application ZIP in, a report out. Stages; what cannot be trusted is not read further."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

from conformance.suites.package import attachments as attached
from conformance.suites.package.consistency import Listed, check_application, check_form, check_verification
from conformance.suites.package.container import FILE, Buffer, Member, read_container
from conformance.suites.package.contents import Content, read_content
from conformance.suites.package.documents import Plan, Row, read_document
from conformance.suites.package.findings import Finding, Findings
from conformance.suites.package.layout import FORM_PDF, Layout, check_nothing_else, check_present, find_layout
from conformance.suites.package.names import check_members, check_names, decoded_names, is_folder
from interface_spec.procedures import load_procedures
from interface_spec.profile import Profile, load_profile

_DOCUMENT_BYTES = 8 << 20
"""A document above this size is not parsed: at 4,000 characters an item no real form comes near it."""
DOCUMENTS = frozenset({"application", "attachments", "form", "verification"})


@dataclass(frozen=True)
class Report:
    """The verdict on one package: ``conforming`` unless a nonconformity was found; notices do not count."""

    receipt_no: str
    entries: int
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]

    @property
    def conforming(self) -> bool:
        return not any(one.rule.level == "nonconformity" for one in self.findings)

    @property
    def rules(self) -> frozenset[str]:
        """Ids of the rules with a finding."""
        return frozenset(self.counts)


class Validator:
    """Validates packages under one profile. Keeps no state between packages."""

    def __init__(self, profile: Profile | None = None) -> None:
        self.profile = profile or load_profile()
        self._package = self.profile.package
        self._plans = {name: Plan(name, spec, self.profile.codes) for name, spec in self._package.documents.items()}

    def validate_file(self, path: Path, listed: Listed | None = None) -> Report:
        """The report on the file ``path``. Raises OSError when it cannot be read."""
        with path.open("rb") as file:
            size = path.stat().st_size
            if size == 0 or size > self.profile.limit("package_bytes"):
                return self.validate(b"", listed) if size == 0 else self._too_large(size)
            with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
                return self.validate(data, listed)

    def validate(self, data: Buffer, listed: Listed | None = None) -> Report:
        """The report on ``data``; ``listed`` is what 申請データ一覧 says about it, when that is known."""
        listed = listed or Listed()
        if len(data) > self.profile.limit("package_bytes"):
            return self._too_large(len(data))
        findings = Findings()
        members = read_container(data, self.profile.limit("package_entries"), findings)
        check_members(members, findings)
        names = decoded_names(members, self._package.entry_name_encoding, findings)
        check_names(names, findings)
        self._check_total(members, findings)
        if findings.nonconforming:
            return _report("", members, findings)
        files = {name: one for name, one in zip(names, members, strict=True) if not is_folder(one, name)}
        self._check_folders(names, members, findings)
        return self._read(data, files, listed, findings)

    def _too_large(self, size: int) -> Report:
        findings = Findings()
        limit = self.profile.limit("package_bytes")
        findings.add("PKG-ZIP-SIZE", FILE, f"{limit} バイト以下 / bytes", f"{size} バイト / bytes")
        return _report("", [], findings)

    def _check_total(self, members: list[Member], findings: Findings) -> None:
        limit, total = self.profile.limit("unpacked_bytes"), sum(one.size for one in members)
        if total > limit:
            findings.add("PKG-ZIP-BOMB", FILE, f"{limit} バイト以下 / bytes", f"展開後 {total} バイト / unpacked")

    def _check_folders(self, names: list[str], members: list[Member], findings: Findings) -> None:
        for name, member in zip(names, members, strict=True):
            if is_folder(member, name) and member.size:
                findings.add("PKG-ZIP-SPECIAL", name, "空のフォルダ / an empty folder", f"{member.size} バイト / bytes")

    def _read(self, data: Buffer, files: Mapping[str, Member], listed: Listed, findings: Findings) -> Report:
        layout = find_layout(self._package, files, listed.receipt_no)
        check_present(layout, self._package, list(files), findings)
        contents = {
            part: read_content(data, files[path], _DOCUMENT_BYTES, findings, digest=False)
            for part, path in layout.paths.items()
            if path in files
        }
        rows = {part: self._document(part, content, findings) for part, content in contents.items() if part != FORM_PDF}
        self._check_pdf(contents.get(FORM_PDF), findings)
        self._check_attachments(data, files, layout, rows.get("attachments"), findings)
        self._check_documents(rows, layout, listed, findings)
        return _report(layout.receipt_no, list(files.values()), findings)

    def _document(self, part: str, content: Content | None, findings: Findings) -> list[Row] | None:
        if content is None:
            return None
        if not content.whole:
            findings.add(
                "PKG-DOC-SIZE", part, f"{_DOCUMENT_BYTES} バイト以下 / bytes", f"{content.size} バイト / bytes"
            )
            return None
        return read_document(self._plans[part], content.data, self.profile.codes, findings)

    def _check_pdf(self, content: Content | None, findings: Findings) -> None:
        if content is not None and not content.data.startswith(b"%PDF-"):
            findings.add("PKG-LAYOUT-PDF", FORM_PDF, "%PDF- で始まる / starts with", f"{content.size} バイト / bytes")

    def _check_attachments(
        self, data: Buffer, files: Mapping[str, Member], layout: Layout, rows: list[Row] | None, findings: Findings
    ) -> None:
        """Each file is read, judged and let go before the next one."""
        known = set(layout.paths.values())
        if rows is not None:
            attached.check_list(rows, findings)
        for number, row in enumerate(rows or (), start=1):
            path = attached.attachment_path(self._package, layout.receipt_no, row)
            if path is None:
                continue
            known.add(path)
            if path not in files:
                findings.add("PKG-ATT-MISSING", f"attachments[{number}]", path, "なし / missing")
            elif content := read_content(data, files[path], attached.KEEP, findings):
                attached.check_file(number, row, content, self.profile.limit("unpacked_bytes"), findings)
        if rows is not None:
            check_nothing_else(known, files, findings)

    def _check_documents(
        self, rows: Mapping[str, list[Row] | None], layout: Layout, listed: Listed, findings: Findings
    ) -> None:
        found = rows.get("application")
        application = found[0] if found else None
        files = rows.get("attachments")
        stated = application["procedure_id"] if application else None
        procedure_id = stated if isinstance(stated, str) else listed.procedure_id
        procedure = load_procedures().get(procedure_id)
        if application is not None:
            check_application(
                application, layout.receipt_no, listed, len(files) if files is not None else None, findings
            )
            if procedure is None and isinstance(stated, str):
                findings.add(
                    "PKG-APP-UNKNOWN", "application.procedure_id", "手続一覧にある / in the catalogue", procedure_id
                )
        if verification := rows.get("verification"):
            check_verification(verification[0], application, procedure, findings)
        form = rows.get("form")
        if form is not None:
            check_form(form, procedure, findings)


def _report(receipt_no: str, members: list[Member], findings: Findings) -> Report:
    return Report(receipt_no, len(members), tuple(findings.kept), dict(findings.counts))
