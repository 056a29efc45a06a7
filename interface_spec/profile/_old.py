"""Interface profiles: the wire contract as data (paths, methods, wire names, formats, code lists, limits).

A profile is a folder of TOML files below ``profiles/``; a vendor's overlay is one TOML file that is laid over it.
Nothing here reads or writes the wire: mocks, reference and suites each wire the data on their own.
Every item carries its provenance (公開 / 二次情報 / 推定 / 仮定); `Profile.assumptions` lists what is not 公開.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from interface_spec.errors import SpecError, first_problem

PROFILES = Path(__file__).parent / "profiles"

Provenance = Literal["公開", "二次情報", "推定", "仮定"]
ItemType = Literal["X", "N", "INT", "BOOL", "DATE", "DATETIME", "CODE", "SERIAL", "DIGEST"]
"""X half-width text, N any text, INT number, BOOL flag, CODE value of a code list, SERIAL certificate serial, DIGEST SHA-256 hex."""

SERIAL_FORMS = ("hex-upper", "hex-lower", "decimal")
BOOL_FORMS = ("json", "0/1")


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Item(_Spec):
    """One data item: where it travels and how it is written.

    ``format`` is a strftime pattern for DATE/DATETIME, one of `SERIAL_FORMS` for SERIAL, of `BOOL_FORMS` for BOOL.
    ``length`` counts characters (never bytes or UTF-16 units).
    """

    wire: str
    ja: str
    type: ItemType
    length: int | None = Field(default=None, ge=1)
    required: bool = True
    place: Literal["body", "query", "path", "header"] = "body"
    format: str | None = None
    zone: str | None = None
    codes: str | None = None
    provenance: Provenance = "仮定"
    note: str = ""

    @model_validator(mode="after")
    def _format_fits_type(self) -> Self:
        match self.type:
            case "DATE" | "DATETIME":
                if not self.format or "%" not in self.format:
                    raise ValueError(f"{self.type} には strftime 形式の format が必要です / needs a strftime format")
                if self.type == "DATETIME" and "%z" not in self.format and self.zone is None:
                    raise ValueError("DATETIME の format に %z が無いときは zone が必要です / needs zone without %z")
            case "SERIAL":
                if self.format not in SERIAL_FORMS:
                    raise ValueError(
                        f"SERIAL の format は {', '.join(SERIAL_FORMS)} のいずれかです / not a serial form"
                    )
            case "BOOL":
                if self.format not in BOOL_FORMS:
                    raise ValueError(f"BOOL の format は {', '.join(BOOL_FORMS)} のいずれかです / not a flag form")
            case "CODE":
                if self.codes is None:
                    raise ValueError("CODE には codes が必要です / needs codes")
        return self


Items = Mapping[str, Item]


def _unique_wires(items: Items, what: str) -> None:
    seen: dict[tuple[str, str], str] = {}
    for name, item in items.items():
        key = (item.place, item.wire.lower() if item.place == "header" else item.wire)
        if key in seen:
            raise ValueError(
                f"{what}: {seen[key]} と {name} が同じ名前 {item.wire!r} です / two items share one wire name"
            )
        seen[key] = name


class Operation(_Spec):
    """One call. ``rows`` is the wire name of the row array, ``row`` its items; both absent when there are no rows."""

    ja: str
    method: Literal["GET", "POST", "PUT"]
    path: str
    provenance: Provenance = "仮定"
    status: int = 200
    body: Literal["json", "csv", "binary", "none"] = "json"
    request: dict[str, Item] = {}
    response: dict[str, Item] = {}
    rows: str | None = None
    row: dict[str, Item] = {}
    note: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _unique_wires(self.request, "request")
        _unique_wires(self.response, "response")
        _unique_wires(self.row, "row")
        placed = {item.wire for item in self.request.values() if item.place == "path"}
        named = {part[1:-1] for part in self.path.split("/") if part.startswith("{") and part.endswith("}")}
        if placed != named:
            raise ValueError(f"path {self.path!r} の {{}} と place='path' の項目が一致しません / path items differ")
        return self


class ErrorCode(_Spec):
    """One error answer of a surface: HTTP status, code and message on the wire."""

    status: int
    code: str
    message: str
    provenance: Provenance = "仮定"


class TextFile(_Spec):
    """How text files (CSV) of a surface are written."""

    encoding: Literal["utf-8", "cp932"] = "utf-8"
    bom: bool = False
    header: bool = True
    newline: Literal["\r\n", "\n"] = "\r\n"


class Surface(_Spec):
    """One interface between two systems."""

    ja: str
    en: str
    server: str
    client: str
    provenance: Provenance = "仮定"
    auth: Literal["bearer-login", "api-key", "none"] = "none"
    auth_header: str = "Authorization"
    file: TextFile = TextFile()
    operations: dict[str, Operation]
    errors: dict[str, ErrorCode] = {}


class Document(_Spec):
    """One text entry of the application ZIP: named items (``items``) or rows (``row``), as XML or CSV.

    XML: root element ``root``, an element per item; rows are ``row_element`` elements with an element per item.
    CSV: a header line of wire names and one line (items) or n lines (rows).
    """

    ja: str
    path: str
    container: Literal["xml", "csv"] = "xml"
    encoding: Literal["utf-8", "cp932"] = "utf-8"
    bom: bool = False
    root: str = "data"
    row_element: str = "row"
    items: dict[str, Item] = {}
    row: dict[str, Item] = {}
    provenance: Provenance = "仮定"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _unique_wires(self.items, "items")
        _unique_wires(self.row, "row")
        if bool(self.items) == bool(self.row):
            raise ValueError("items か row のどちらか一方を書きます / give either items or row")
        return self


class Package(_Spec):
    """The application ZIP: one application, one ZIP (5章③-2).

    Entry paths are templates over ``receipt_no``, and for attachments also ``seq`` (1, 2, …) and ``file_name``.
    """

    ja: str
    provenance: Provenance = "仮定"
    entry_name_encoding: Literal["utf-8", "cp932"] = "utf-8"
    form_pdf: str
    attachment: str
    documents: dict[str, Document]


class CodeValue(_Spec):
    wire: str
    ja: str


class CodeList(_Spec):
    """Canonical value → value on the wire and its Japanese name."""

    ja: str
    provenance: Provenance = "仮定"
    values: dict[str, CodeValue]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        wires = [value.wire for value in self.values.values()]
        if len(set(wires)) != len(wires):
            raise ValueError("同じ値が二度あります / one wire value stands for two meanings")
        return self


class Limit(_Spec):
    value: int
    unit: str
    ja: str
    provenance: Provenance = "仮定"


class Identity(_Spec):
    id: str
    edition: str
    ja: str
    en: str


class Assumption(_Spec):
    """One statement of the profile that no published source confirms."""

    place: str
    what: str
    provenance: Provenance


class Profile(_Spec):
    """A whole profile; `load_profile` is the way to get one."""

    profile: Identity
    surfaces: dict[str, Surface]
    package: Package
    codes: dict[str, CodeList]
    limits: dict[str, Limit]

    def operation(self, surface: str, name: str) -> Operation:
        """The operation ``surface.name``; KeyError names what is missing."""
        return self.surfaces[surface].operations[name]

    def limit(self, name: str) -> int:
        return self.limits[name].value

    def items(self) -> Iterator[tuple[str, Item]]:
        """Every item with its place in the profile (``surfaces.download.list.row.receipt_no``)."""
        for surface_name, surface in self.surfaces.items():
            for operation_name, operation in surface.operations.items():
                for part in ("request", "response", "row"):
                    for name, item in getattr(operation, part).items():
                        yield f"surfaces.{surface_name}.{operation_name}.{part}.{name}", item
        for document_name, document in self.package.documents.items():
            for name, item in (document.items or document.row).items():
                yield f"package.{document_name}.{name}", item

    def assumptions(self) -> list[Assumption]:
        """Everything in this profile that is not 公開, in file order: printed with every verdict."""
        found = [Assumption(place=place, what=item.ja, provenance=item.provenance) for place, item in self.items()]
        for surface_name, surface in self.surfaces.items():
            for name, operation in surface.operations.items():
                found.append(
                    Assumption(
                        place=f"surfaces.{surface_name}.{name}",
                        what=f"{operation.ja} {operation.method} {operation.path}",
                        provenance=operation.provenance,
                    )
                )
        found += [Assumption(place=f"codes.{n}", what=c.ja, provenance=c.provenance) for n, c in self.codes.items()]
        found += [Assumption(place=f"limits.{n}", what=v.ja, provenance=v.provenance) for n, v in self.limits.items()]
        return [one for one in found if one.provenance != "公開"]

    @model_validator(mode="after")
    def _references_resolve(self) -> Self:
        for place, item in self.items():
            if item.codes is not None and item.codes not in self.codes:
                raise ValueError(f"{place}: コード表 {item.codes!r} がありません / no such code list")
        return self


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(path, "", "ファイルがありません / no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(path, "", f"TOML として読めません / not readable as TOML: {error}") from None


@lru_cache(maxsize=16)
def load_profile(name: str = "baseline", overlay: Path | None = None) -> Profile:
    """The profile ``name``, with a vendor's ``overlay`` file laid over it when given.

    Raises SpecError with one sentence: file, place, what is expected.
    """
    folder = PROFILES / name
    files = sorted(folder.glob("*.toml"))
    if not files:
        known = ", ".join(sorted(p.name for p in PROFILES.iterdir() if p.is_dir()))
        raise SpecError(
            folder.name, "profile", f"その名前のプロファイルはありません（あるもの: {known}） / no such profile"
        )
    data: dict[str, Any] = {}
    for path in files:
        data = _merge(data, _read(path))
    source: Path | str = f"profiles/{name}"
    if overlay is not None:
        data, source = _merge(data, _read(overlay)), overlay
    try:
        return Profile.model_validate(data)
    except ValidationError as error:
        raise SpecError(source, *first_problem(error)) from None
