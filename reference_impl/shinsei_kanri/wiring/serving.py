"""The server's side: a request as typed values, and typed values as the answer that the profile describes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from interface_spec.profile import ErrorBody, ErrorCode, Item, Operation
from reference_impl.shinsei_kanri.wiring import formats
from reference_impl.shinsei_kanri.wiring.fields import Fields
from reference_impl.shinsei_kanri.wiring.formats import Codes, FormatError, Value


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    media_type: str
    headers: dict[str, str]


def route_path(operation: Operation) -> str:
    """The path with ``{p0}``, ``{p1}`` … for the profile's placeholders, whose names may be no identifiers."""
    numbers = iter(range(100))
    return re.sub(r"\{[^}/]+\}", lambda _: f"{{p{next(numbers)}}}", operation.path)


def read_request(
    operation: Operation,
    *,
    path: Mapping[str, str],
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    codes: Codes,
) -> Fields:
    """The request's items by canonical name. Raises FormatError, also for a body that is no JSON object."""
    placeholders = re.findall(r"\{([^}/]+)\}", operation.path)
    in_path = {wire: path[f"p{number}"] for number, wire in enumerate(placeholders)}
    needs_body = any(item.place == "body" for item in operation.request.values())
    document = _object(operation, body) if needs_body else {}
    found = Fields()
    for name, item in operation.request.items():
        raw: Any
        match item.place:
            case "path":
                raw = in_path.get(item.wire)
            case "query":
                raw = query.get(item.wire)
            case "header":
                raw = headers.get(item.wire.lower())
            case _:
                raw = document.get(item.wire)
        found[name] = formats.read(item, raw, codes)
    return found


def _object(operation: Operation, body: bytes) -> dict[str, Any]:
    first = next(item for item in operation.request.values() if item.place == "body")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise FormatError(first, "本文が JSON ではありません / the body is not JSON") from None
    if not isinstance(document, dict):
        raise FormatError(first, "本文が JSON オブジェクトではありません / the body is not a JSON object")
    return document


def answer(
    operation: Operation, values: Mapping[str, Value], rows: Iterable[Mapping[str, Value]] | None, codes: Codes
) -> Answer:
    """The JSON answer with ``values`` and, for operations that have rows, ``rows``."""
    document: dict[str, Any] = {}
    headers: dict[str, str] = {}
    for name, item in operation.response.items():
        if item.place == "header":
            headers[item.wire] = formats.write(item, values.get(name), codes)
        else:
            document[item.wire] = formats.write_json(item, values.get(name), codes)
    if operation.rows is not None and rows is not None:
        document[operation.rows] = [_row(operation.row, row, codes) for row in rows]
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(operation.status, body, "application/json", headers)


def _row(items: Mapping[str, Item], row: Mapping[str, Value], codes: Codes) -> dict[str, Any]:
    return {item.wire: formats.write_json(item, row.get(name), codes) for name, item in items.items()}


def error(code: ErrorCode, names: ErrorBody) -> Answer:
    """An error of the surface's table, code and message under the profile's names."""
    body = json.dumps({names.code: code.code, names.message: code.message}, ensure_ascii=False).encode()
    return Answer(code.status, body, "application/json", {})
