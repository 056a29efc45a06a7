"""Interfaces by file drop: which files, their rows, the manifest that names them with counts and hashes.

Every file is written under a temporary name and renamed; the manifest comes last, so that its presence says that the
rest is complete. Nobody reads a file that no manifest names.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from interface_spec.profile.items import Item, Provenance, Spec, unique_wires
from interface_spec.profile.package import check_template
from interface_spec.profile.surfaces import TextFile

NAMES = frozenset({"dantai_code", "core_system", "made_at", "number"})
ATTACHMENT_NAMES = frozenset({"receipt_no", "seq", "file_name"})


class DropFile(Spec):
    """One file of a drop. ``like`` takes the rows of an operation (``link.full``) instead of ``row``."""

    ja: str
    name: str
    container: Literal["csv", "json"] = "csv"
    like: str = ""
    rows: str = Field(default="rows", description="name of the array when the container is json")
    row: dict[str, Item] = Field(default={})
    provenance: Provenance = "仮定"
    note: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.like) == bool(self.row):
            raise ValueError("like か row のどちらか一方を書きます / give either like or row")
        unique_wires(self.row, "row")
        check_template(self.name, set(NAMES), "name")
        return self


class Manifest(Spec):
    """The last file of a drop: what was dropped. ``row`` has one line per file."""

    ja: str
    name: str
    rows: str = "files"
    items: dict[str, Item]
    row: dict[str, Item]
    provenance: Provenance = "仮定"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unique_wires(self.items, "items")
        unique_wires(self.row, "row")
        check_template(self.name, set(NAMES), "name")
        return self


class Drop(Spec):
    """One interface by files in a folder that both sides can reach."""

    ja: str
    en: str
    writer: str
    reader: str
    folder: str
    temporary_suffix: str = Field(default=".tmp", min_length=1)
    text: TextFile = TextFile()
    files: dict[str, DropFile]
    attachments: str = Field(default="", description="name of attachments in the drop; empty: it has none")
    manifest: Manifest
    provenance: Provenance = "仮定"
    note: str = ""

    @model_validator(mode="after")
    def _names_are_apart(self) -> Self:
        names = [one.name for one in self.files.values()] + [self.manifest.name]
        if len(set(names)) != len(names):
            raise ValueError("同じ名前のファイルが二つあります / two files share a name")
        for name in names:
            if name.endswith(self.temporary_suffix):
                raise ValueError(
                    f"{name!r} が一時名の末尾 {self.temporary_suffix!r} で終わります / ends like a temporary name"
                )
        if self.attachments:
            check_template(self.attachments, set(ATTACHMENT_NAMES), "attachments")
        return self
