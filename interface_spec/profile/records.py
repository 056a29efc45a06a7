"""Fixed-length record files: the exchange between 住基ネットCS and 既存住基 (手順書5章②).

Offsets and lengths count bytes in the file's encoding, offsets from 0. Every byte of a record belongs to a field.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from interface_spec.profile.items import ItemType, Provenance, Spec, check_form, written_length
from interface_spec.profile.package import check_template

Control = Literal["", "kind", "sequence", "count", "sum", "generation", "filler"]
"""What a field is for, besides data: record kind mark, running number within the file, number of records or sum of a
field over records ``of`` a kind, number of the file (one more each time), padding to the record length."""


class RecordField(Spec):
    """One field. ``pad`` fills up on the side away from ``align``; ``value`` is a fixed text."""

    ja: str
    type: ItemType
    offset: int = Field(ge=0)
    length: int = Field(ge=1)
    align: Literal["left", "right"] = "left"
    pad: str = Field(default=" ", min_length=1, max_length=1)
    format: str | None = None
    zone: str | None = None
    codes: str | None = None
    required: bool = True
    control: Control = ""
    of: str = ""
    value: str | None = None
    provenance: Provenance = "仮定"
    note: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.control != "filler":
            check_form(self.type, self.format, self.zone, self.codes)
        if self.type in ("DATE", "DATETIME") and written_length(self.format or "") > self.length:
            raise ValueError("length が format の書く文字数より短いです / shorter than what the format writes")
        if (self.control in ("kind", "filler")) != (self.value is not None):
            raise ValueError("value は control が kind か filler のときに書きます / value goes with kind and filler")
        if self.control in ("kind",) and self.value is not None and len(self.value) != self.length:
            raise ValueError(
                f"value {self.value!r} が length {self.length} と合いません / value does not fill the field"
            )
        if (self.control in ("count", "sum")) != bool(self.of):
            raise ValueError("of は control が count か sum のときに書きます / of goes with count and sum")
        return self


class RecordKind(Spec):
    """One kind of record; its fields cover the record from the first byte to the last."""

    ja: str
    at: Literal["first", "middle", "last"]
    fields: dict[str, RecordField] = Field(min_length=1)
    provenance: Provenance = "仮定"


class RecordFile(Spec):
    """One file of an exchange. ``name`` is a template over the names of `FILE_NAMES`."""

    ja: str
    sender: Literal["juki", "cs"]
    name: str
    mode: Literal["request", "full", "diff"]
    kinds: dict[str, RecordKind]
    provenance: Provenance = "仮定"
    note: str = ""


FILE_NAMES = frozenset({"dantai_code", "made_at", "generation"})


class RecordExchange(Spec):
    """Request and response as files of fixed-length records, all of one length."""

    ja: str
    en: str
    server: str
    client: str
    record_length: int = Field(ge=1)
    encoding: Literal["ascii", "cp932"] = "cp932"
    newline: Literal["", "\n", "\r\n"] = "\r\n"
    temporary_suffix: str = Field(default=".tmp", min_length=1)
    files: dict[str, RecordFile]
    provenance: Provenance = "仮定"
    note: str = ""

    @model_validator(mode="after")
    def _every_byte_has_a_field(self) -> Self:
        for file_name, file in self.files.items():
            check_template(file.name, set(FILE_NAMES), f"files.{file_name}.name")
            marks: dict[str, str] = {}
            for kind_name, kind in file.kinds.items():
                place = f"files.{file_name}.kinds.{kind_name}"
                end, last = 0, "先頭"
                for name, one in sorted(kind.fields.items(), key=lambda pair: pair[1].offset):
                    if one.offset != end:
                        how = "重なっています / overlap" if one.offset < end else "間が空いています / leave a gap"
                        raise ValueError(f"{place}: {last} と {name} が{how}")
                    end, last = one.offset + one.length, name
                if end != self.record_length:
                    raise ValueError(
                        f"{place}: 項目の合計 {end} が record_length {self.record_length} と違います / fields do not fill the record"
                    )
                mark = "".join(one.value or "" for one in kind.fields.values() if one.control == "kind")
                if not mark or mark in marks:
                    raise ValueError(f"{place}: レコード区分の印が無いか重なります / kind mark missing or used twice")
                marks[mark] = kind_name
            self._references_resolve(file_name, file)
        return self

    @staticmethod
    def _references_resolve(file_name: str, file: RecordFile) -> None:
        for kind_name, kind in file.kinds.items():
            for name, one in kind.fields.items():
                target, _, field = one.of.partition(".")
                known = file.kinds.get(target)
                if one.of and (
                    known is None or (one.control == "sum") != bool(field) or (field and field not in known.fields)
                ):
                    raise ValueError(
                        f"files.{file_name}.kinds.{kind_name}.fields.{name}.of: {one.of!r} を数えられません / nothing to count there"
                    )
