"""The application ZIP: its documents and the names of its entries (5章③-2)."""

from __future__ import annotations

import string
from typing import Literal, Self

from pydantic import Field, model_validator

from interface_spec.profile.items import Item, Provenance, Spec, unique_wires


def check_template(template: str, known: set[str], what: str) -> None:
    """ValueError unless ``template`` is a format text over the names ``known``."""
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError:
        raise ValueError(f"{what} {template!r} は型紙として読めません / not a template") from None
    if unknown := sorted(used - known):
        names = ", ".join(sorted(known))
        raise ValueError(f"{what} に使えない名前 {{{unknown[0]}}} があります（使えるもの: {names}） / unknown name")


class Document(Spec):
    """One text entry of the application ZIP: named items (``items``) or rows (``row``), as XML or CSV.

    XML: root element ``root``, an element per item; rows are ``row_element`` elements with an element per item.
    CSV: a header line of wire names unless ``header`` is off, and one line (items) or n lines (rows); without a header
    line the columns stand in the order of the profile.
    """

    ja: str
    path: str
    container: Literal["xml", "csv"] = "xml"
    encoding: Literal["utf-8", "cp932"] = "utf-8"
    bom: bool = False
    header: bool = True
    newline: Literal["\r\n", "\n"] = "\r\n"
    root: str = "data"
    row_element: str = "row"
    items: dict[str, Item] = Field(default={})
    row: dict[str, Item] = Field(default={})
    provenance: Provenance = "仮定"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unique_wires(self.items, "items")
        unique_wires(self.row, "row")
        check_template(self.path, {"receipt_no"}, "path")
        if bool(self.items) == bool(self.row):
            raise ValueError("items か row のどちらか一方を書きます / give either items or row")
        if self.bom and self.encoding != "utf-8":
            raise ValueError("BOM は utf-8 のときだけ付きます / a BOM goes with utf-8 only")
        return self


class Package(Spec):
    """The application ZIP: one application, one ZIP (5章③-2).

    Entry paths are templates over ``receipt_no``, and for attachments also ``seq`` (1, 2, …) and ``file_name``.
    """

    ja: str
    provenance: Provenance = "仮定"
    entry_name_encoding: Literal["utf-8", "cp932"] = "utf-8"
    form_pdf: str
    attachment: str
    documents: dict[str, Document]

    @model_validator(mode="after")
    def _paths_are_apart(self) -> Self:
        check_template(self.form_pdf, {"receipt_no"}, "form_pdf")
        check_template(self.attachment, {"receipt_no", "seq", "file_name"}, "attachment")
        seen = {self.form_pdf: "form_pdf"}
        for name, document in self.documents.items():
            if document.path in seen:
                raise ValueError(
                    f"documents.{name}.path: {seen[document.path]} と同じエントリ名 {document.path!r} です / same entry name"
                )
            seen[document.path] = name
        return self
