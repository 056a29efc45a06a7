"""The client's side: an operation of the profile as an HTTP request, and its answer as typed values."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from interface_spec.profile import Item, Operation, Surface
from reference_impl.shinsei_kanri.wiring import formats, tables
from reference_impl.shinsei_kanri.wiring.fields import Fields
from reference_impl.shinsei_kanri.wiring.formats import Codes, FormatError, Value
from reference_impl.shinsei_kanri.wiring.tables import TableError


class AnswerError(ValueError):
    """An answer breaks the profile; ``str()`` is one sentence."""


@dataclass(frozen=True)
class Call:
    """One request, ready for an HTTP client; ``path`` is quoted, ``body`` is None or a JSON object."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, str | int | bool | None] | None = None


def build(operation: Operation, values: Mapping[str, Value], codes: Codes) -> Call:
    """The request of ``operation`` that carries ``values``; an optional item without value is left out."""
    path, query, headers = operation.path, dict[str, str](), dict[str, str]()
    body: dict[str, str | int | bool | None] = {}
    for name, item in operation.request.items():
        value = values.get(name)
        if value is None and not item.required:
            continue
        match item.place:
            case "path":
                path = path.replace("{" + item.wire + "}", quote(formats.write(item, value, codes), safe=""))
            case "query":
                query[item.wire] = formats.write(item, value, codes)
            case "header":
                headers[item.wire] = formats.write(item, value, codes)
            case "body":
                body[item.wire] = formats.write_json(item, value, codes)
    return Call(operation.method, path, query, headers, body or None)


def read_answer(
    operation: Operation, headers: Mapping[str, str], body: bytes, codes: Codes
) -> tuple[Fields, list[Fields]]:
    """The answer's items and rows; a JSON or bodyless operation only. Raises AnswerError."""
    document: dict[str, Any] = {}
    if operation.body == "json":
        document = _json_object(body)
    try:
        return _items(operation.response, headers, document, codes), _rows(operation, document, codes)
    except FormatError as error:
        raise AnswerError(str(error)) from None


def read_table(
    surface: Surface,
    operation: Operation,
    headers: Mapping[str, str],
    body: bytes,
    codes: Codes,
    lenient: Collection[str] = (),
) -> tuple[Fields, list[Fields]]:
    """Header items and rows of an answer, CSV or JSON; unreadable ``lenient`` values become None. Raises AnswerError."""
    if operation.body == "json":
        return read_answer(operation, headers, body, codes)
    try:
        text = tables.decode(body, surface.file.encoding)
        rows = list(tables.read_csv(text, operation.row, codes, header=surface.file.header, lenient=lenient))
        return _items(operation.response, headers, {}, codes), rows
    except (TableError, FormatError) as error:
        raise AnswerError(str(error)) from None


def refusal(surface: Surface, status: int, body: bytes) -> str:
    """The canonical name of the error in the surface's table that this answer is; "" when it is none of them.

    Several errors may share a status: the code in the body tells them apart; a body without code counts by status.
    """
    named = {name: error for name, error in surface.errors.items() if error.status == status}
    if not named:
        return ""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    code = document.get(surface.error_body.code) if isinstance(document, dict) else None
    return next((name for name, error in named.items() if code is None or error.code == code), "")


def header_items(operation: Operation, headers: Mapping[str, str], codes: Codes) -> Fields:
    """The response items that travel as headers (``binary`` operations). Raises AnswerError."""
    try:
        return _items(operation.response, headers, {}, codes)
    except FormatError as error:
        raise AnswerError(str(error)) from None


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise AnswerError("応答が JSON ではありません / the answer is not JSON") from None
    if not isinstance(document, dict):
        raise AnswerError("応答が JSON オブジェクトではありません / the answer is not a JSON object")
    return document


def _items(items: Mapping[str, Item], headers: Mapping[str, str], document: Mapping[str, Any], codes: Codes) -> Fields:
    lower = {name.lower(): value for name, value in headers.items()}
    return Fields(
        {
            name: formats.read(
                item, lower.get(item.wire.lower()) if item.place == "header" else document.get(item.wire), codes
            )
            for name, item in items.items()
        }
    )


def _rows(operation: Operation, document: Mapping[str, Any], codes: Codes) -> list[Fields]:
    if operation.rows is None or not operation.row:
        return []
    rows = document.get(operation.rows)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AnswerError(f"応答に行の配列 {operation.rows!r} がありません / the answer has no row array")
    return [
        tables.read_row({name: row.get(item.wire) for name, item in operation.row.items()}, operation.row, codes)
        for row in rows
    ]
