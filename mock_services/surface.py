"""One surface of the profile as a server or client of ours uses it: known items, matching, reading, writing.

The canonical items that the code knows are declared as `Shape`s beside each system's routes; `bind` compares them
with the profile at start, so that a misspelt or missing item is one sentence instead of a wrong answer later.
"""

from __future__ import annotations

import csv
import hmac
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import cast
from urllib.parse import unquote

from interface_spec.errors import SpecError
from interface_spec.profile import Item, Operation, Profile, Surface, TextFile
from mock_services.http import (
    Answer,
    Headers,
    MalformedError,
    Request,
    json_answer,
    json_text,
    json_text_answer,
)
from mock_services.wiring import Codec, Record, Value, WireError, read_record

Names = Mapping[str, str]
"""Canonical item name → kind: "text" (X or N) or an item type of the profile."""


@dataclass(frozen=True)
class Shape:
    """The canonical items of one operation that the code knows; ``body`` lists the containers it can write."""

    request: Names = field(default_factory=dict)
    response: Names = field(default_factory=dict)
    row: Names | None = None
    request_row: Names = field(default_factory=dict)
    body: tuple[str, ...] = ("json",)


@dataclass(frozen=True)
class Path:
    """Where an operation is called: the parts of its path that are ``fixed``, and those that are ``values``, by place."""

    operation: str
    method: str
    fixed: Sequence[tuple[int, str]]
    values: Sequence[tuple[int, str]]

    def fits(self, given: Sequence[str]) -> bool:
        return all(given[place] == part for place, part in self.fixed)


@dataclass(frozen=True)
class Bound:
    """A surface whose profile was found to fit the code."""

    name: str
    surface: Surface
    codec: Codec

    def operation(self, name: str) -> Operation:
        return self.surface.operations[name]

    @cached_property
    def calls(self) -> Mapping[int, list[Path]]:
        """The paths of the operations by how many parts they have."""
        found: dict[int, list[Path]] = {}
        for name, one in self.surface.operations.items():
            parts = list(enumerate(one.path.split("/")))
            values = [(place, part[1:-1]) for place, part in parts if part.startswith("{") and part.endswith("}")]
            fixed = [(place, part) for place, part in parts if (place, part[1:-1]) not in values]
            found.setdefault(len(parts), []).append(Path(name, one.method, fixed, values))
        return found

    @cached_property
    def places(self) -> Mapping[str, Mapping[str, Mapping[str, Item]]]:
        """Path and method of an operation → place → the items of its request there."""
        return {
            f"{one.method} {one.path}": {
                place: {name: item for name, item in one.request.items() if item.place == place}
                for place in ("query", "path", "header", "body")
            }
            for one in self.surface.operations.values()
        }


def bind(
    profile: Profile,
    name: str,
    shapes: Mapping[str, Shape],
    *,
    errors: Iterable[str],
    auth: Iterable[str],
    optional: Iterable[str] = (),
) -> Bound:
    """The surface ``name`` of the profile, checked against what the code knows. SpecError with one sentence.

    ``optional``: operations that the code knows and that a profile may leave undeclared.
    """
    place = f"surfaces.{name}"
    if name not in profile.surfaces:
        raise _spec_error(profile, place, "この面がありません / surface is missing")
    surface = profile.surfaces[name]
    if surface.auth not in (known := sorted(auth)):
        raise _spec_error(
            profile, f"{place}.auth", f"{', '.join(known)} のいずれかにします / not supported by the mock"
        )
    absent = {one for one in optional if one not in surface.operations}
    shapes = {one: shape for one, shape in shapes.items() if one not in absent}
    _same(profile, f"{place}.operations", surface.operations, shapes)
    _same(profile, f"{place}.errors", surface.errors, errors)
    for operation_name, shape in shapes.items():
        operation = surface.operations[operation_name]
        where = f"{place}.operations.{operation_name}"
        if operation.body not in shape.body:
            raise _spec_error(profile, f"{where}.body", f"{', '.join(shape.body)} のいずれかにします / not supported")
        for part, items, names in (
            ("request", operation.request, shape.request),
            ("response", operation.response, shape.response),
            ("row", operation.row, shape.row or {}),
            ("request_row", operation.request_row, shape.request_row),
        ):
            _same(profile, f"{where}.{part}", items, names)
            for item_name, item in items.items():
                kind = names[item_name]
                if item.type != kind and not (kind == "text" and item.type in ("X", "N")):
                    raise _spec_error(profile, f"{where}.{part}.{item_name}.type", f"{kind} にします / must be {kind}")
        _places(profile, where, operation, has_rows=shape.row is not None)
    return Bound(name, surface, Codec(profile))


def need_codes(profile: Profile, place: str, item: Item, values: Iterable[str]) -> None:
    """SpecError when the code list of ``item`` lacks a canonical value that the code writes by itself."""
    for value in values:
        if value not in profile.codes[item.codes or ""].values:
            raise _spec_error(profile, f"codes.{item.codes}.{value}", f"{place} に必要な値です / needed value")


def _same(profile: Profile, place: str, given: Iterable[str], known: Iterable[str]) -> None:
    given, known = list(given), list(known)
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"（{near[0]} のことですか / did you mean {near[0]}?）" if near else ""
            raise _spec_error(profile, f"{place}.{name}", f"模擬システムが知らない項目です{hint} / unknown to the mock")
    for name in known:
        if name not in given:
            raise _spec_error(profile, f"{place}.{name}", "必要な項目がありません / needed by the mock but missing")


def _places(profile: Profile, where: str, operation: Operation, *, has_rows: bool) -> None:
    for name, item in operation.request.items():
        if item.place == "body" and operation.method == "GET":
            raise _spec_error(profile, f"{where}.request.{name}.place", "GET に body は使えません / GET has no body")
    for name, item in operation.response.items():
        if item.place not in ("body", "header"):
            raise _spec_error(profile, f"{where}.response.{name}.place", "body か header にします / body or header")
        if item.place == "body" and operation.body != "json":
            raise _spec_error(
                profile,
                f"{where}.response.{name}.place",
                f"本文が {operation.body} のときは header にします / header only",
            )
    if has_rows and operation.body == "json" and not operation.rows:
        raise _spec_error(profile, f"{where}.rows", "JSON の配列名が要ります / needs the name of the row array")


def _spec_error(profile: Profile, place: str, problem: str) -> SpecError:
    return SpecError(f"profile {profile.profile.id}", place, problem)


def has_key(bound: Bound, request: Request, key: str) -> bool:
    """Whether the call shows this API key where the surface wants one; true where it wants none."""
    given = (request.header(bound.surface.auth_header) or "").encode(errors="surrogatepass")
    return bound.surface.auth == "none" or hmac.compare_digest(given, key.encode())


def segments(path: str) -> list[str]:
    return [unquote(part) for part in path.split("/")] if "%" in path else path.split("/")


def find(bound: Bound, request: Request) -> tuple[str | None, dict[str, str], bool]:
    """(operation, path values, whether the path is known at all) for a request."""
    given = segments(request.path)
    known = False
    for path in bound.calls.get(len(given), ()):
        if not path.fits(given):
            continue
        known = True
        if path.method == request.method:
            return path.operation, {name: given[place] for place, name in path.values}, True
    return None, {}, known


def read_request(bound: Bound, operation: Operation, request: Request, path_values: Mapping[str, str]) -> Record:
    """The canonical request. MalformedError naming the first thing that the contract does not allow."""
    by_place = bound.places[f"{operation.method} {operation.path}"]
    headers = {item.wire: request.header(item.wire) for item in by_place["header"].values()}
    parts: list[tuple[str, Mapping[str, object], bool]] = [
        ("query", request.query(), False),
        ("path", path_values, False),
        ("header", {wire: value for wire, value in headers.items() if value is not None}, False),
    ]
    if by_place["body"] or operation.request_rows:
        content = request.json_object()
        if operation.request_rows:
            content.pop(operation.request_rows, None)  # see `read_request_rows`
        parts.append(("body", content, True))
    elif request.body and not operation.upload:
        raise MalformedError("本文を持たない呼出しです / this call has no body")
    record: Record = {}
    for place, found, is_json in parts:
        if not found and not by_place[place]:
            continue
        values, problems = read_record(bound.codec, by_place[place], found, is_json=is_json)
        if problems:
            raise MalformedError(problems[0])
        record |= values
    return record


def read_request_rows(bound: Bound, operation: Operation, request: Request) -> list[Record]:
    """The canonical rows of a request. MalformedError naming the first thing that the contract does not allow."""
    found = request.json_object().get(operation.request_rows or "")
    if not isinstance(found, list):
        raise MalformedError(f"{operation.request_rows}: 配列ではありません / not an array")
    rows: list[Record] = []
    for number, raw in enumerate(found, start=1):
        if not isinstance(raw, dict):
            raise MalformedError(f"{operation.request_rows}[{number}]: オブジェクトではありません / not an object")
        row, problems = read_record(bound.codec, operation.request_row, raw, is_json=True)
        if problems:
            raise MalformedError(f"{operation.request_rows}[{number}].{problems[0]}")
        rows.append(row)
    return rows


def write_answer(
    bound: Bound,
    operation: Operation,
    response: Mapping[str, Value],
    rows: Sequence[Mapping[str, Value]] | None = None,
    binary: tuple[str, bytes] | None = None,
) -> Answer:
    """The answer of an operation under the profile; all rows are `WireRow`s or none; ``binary`` is (media type, bytes) when the body is binary."""
    codec = bound.codec
    headers: Headers = tuple(
        (item.wire, codec.text(item, response[name]))
        for name, item in operation.response.items()
        if item.place == "header"
    )
    match operation.body:
        case "binary":
            media_type, body = binary if binary is not None else ("application/octet-stream", b"")
            return Answer(operation.status, (("Content-Type", media_type), *headers), body)
        case "csv":
            body = write_csv(codec, bound.surface.file, operation.row, rows or ())
            charset = "shift_jis" if bound.surface.file.encoding == "cp932" else "utf-8"
            return Answer(operation.status, (("Content-Type", f"text/csv; charset={charset}"), *headers), body)
        case "none":
            return Answer(operation.status, headers)
    content: dict[str, object] = {
        item.wire: codec.json(item, response[name])
        for name, item in operation.response.items()
        if item.place == "body" and (item.required or response.get(name) is not None)
    }
    if operation.rows and rows and isinstance(rows[0], WireRow):
        return _from_text(operation, content, [row.text for row in cast("Sequence[WireRow]", rows)], headers)
    if operation.rows:
        content[operation.rows] = [json_row(codec, operation.row, row) for row in rows or ()]
    return json_answer(operation.status, content, headers)


def _from_text(operation: Operation, content: Mapping[str, object], rows: Sequence[str], headers: Headers) -> Answer:
    """`json_answer` of content and rows, where the rows are text already."""
    head = json_text(dict(content))[:-1]
    key = json_text(operation.rows)
    return json_text_answer(operation.status, f"{head}{',' if content else ''}{key}:[{','.join(rows)}]}}", headers)


class RowsBody:
    """The body of an answer with any number of rows, piece by piece: `head`, `piece` after `piece`, `tail`.

    ``answer``: all of it but the rows.
    """

    def __init__(self, bound: Bound, operation: Operation, response: Mapping[str, Value]) -> None:
        self._bound, self._operation, self._begun = bound, operation, False
        self.answer = write_answer(bound, operation, response, ())
        self._json = operation.body == "json"
        self.head, self.tail = (self.answer.body[:-2], b"]}") if self._json else (self.answer.body, b"")

    def piece(self, rows: Sequence[Mapping[str, Value]]) -> bytes:
        """These rows after those before."""
        codec, items = self._bound.codec, self._operation.row
        if not self._json:
            plain = self._bound.surface.file.model_copy(update={"header": False, "bom": False})
            return write_csv(codec, plain, items, rows)
        text = json.dumps([json_row(codec, items, row) for row in rows], ensure_ascii=False, separators=(",", ":"))
        begun, self._begun = self._begun, self._begun or bool(rows)
        return (("," if begun and rows else "") + text[1:-1]).encode()


class WireRow(dict[str, "Value"]):
    """A JSON row that stands in its wire form already (see `json_row`), and as text: written once, sent often."""

    def __init__(self, row: Mapping[str, Value]) -> None:
        super().__init__(row)
        self.text = json.dumps(self, ensure_ascii=False, separators=(",", ":"))


def json_row(codec: Codec, items: Mapping[str, Item], row: Mapping[str, Value]) -> Mapping[str, object]:
    """The row with wire names and forms; a `WireRow` is that already."""
    if isinstance(row, WireRow):
        return row
    return {
        item.wire: codec.json(item, row.get(name))
        for name, item in items.items()
        if item.required or row.get(name) is not None
    }


def write_csv(codec: Codec, file: TextFile, items: Mapping[str, Item], rows: Iterable[Mapping[str, Value]]) -> bytes:
    """A CSV file as the surface writes text. WireError naming item and character when the encoding has it not."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=file.newline)
    if file.header:
        writer.writerow([item.wire for item in items.values()])
    for row in rows:
        writer.writerow([codec.text(item, row.get(name)) for name, item in items.items()])
    text = out.getvalue()
    try:
        body = text.encode(file.encoding)
    except UnicodeEncodeError as error:
        raise WireError("CSV", _inexpressible(file, error)) from None
    return b"\xef\xbb\xbf" + body if file.bom and file.encoding == "utf-8" else body


def check_row(bound: Bound, operation: Operation, row: Mapping[str, Value]) -> None:
    """WireError when the row cannot travel in this operation (length, code, form, character not in the encoding)."""
    for name, item in operation.row.items():
        text = bound.codec.text(item, row.get(name))
        read = bound.codec.from_text(item, text)
        if item.required and (read is None or (item.type == "X" and read == "")):
            raise WireError(item.wire, "必須の項目が空です / required item is empty")
        try:
            text.encode(bound.surface.file.encoding if operation.body == "csv" else "utf-8")
        except UnicodeEncodeError as error:
            raise WireError(item.wire, _inexpressible(bound.surface.file, error)) from None


def _inexpressible(file: TextFile, error: UnicodeEncodeError) -> str:
    code = " ".join(f"U+{ord(char):04X}" for char in str(error.object)[error.start : error.end])
    return f"{code} は {file.encoding} で書けません / cannot be written in {file.encoding}"


def error_answer(bound: Bound, name: str, headers: Headers = ()) -> Answer:
    """The error ``name`` of the surface's table. KeyError when the table has it not."""
    error, names = bound.surface.errors[name], bound.surface.error_body
    return json_answer(error.status, {names.code: error.code, names.message: error.message}, headers)


def is_silent(bound: Bound, name: str) -> bool:
    """Whether the error is told by its status alone: a surface may speak no JSON in 保守時間帯."""
    return name == "maintenance" and not bound.surface.json_on_timeout


def no_such_call(bound: Bound, *, path_known: bool) -> Answer:
    """The answer to a call that the surface does not have: by its own table where that has a fitting error."""
    name, status = ("bad_request", 405) if path_known else ("not_found", 404)
    return error_answer(bound, name) if name in bound.surface.errors else Answer(status)
