"""The client's side of a surface: a canonical request to the wire, an answer back with every breach of the profile."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from interface_spec.profile import Item, Operation, TextFile
from mock_services.http import Headers, Request
from mock_services.surface import Bound
from mock_services.wiring import Record, Value, read_record


@dataclass(frozen=True)
class Read:
    """An answer in canonical names. ``problems``: where it breaks the profile, one sentence each."""

    response: Record = field(default_factory=dict)
    rows: list[Record] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def write_request(bound: Bound, operation: Operation, values: Mapping[str, Value], headers: Headers = ()) -> Request:
    """The request of an operation; items without a value are left out. WireError when a value has no wire form."""
    codec = bound.codec
    path, query, body = operation.path, {}, {}
    own: list[tuple[str, str]] = []
    for name, item in operation.request.items():
        value = values.get(name)
        if value is None and item.place != "path":
            continue
        match item.place:
            case "path":
                path = path.replace("{" + item.wire + "}", quote(codec.text(item, value), safe=""))
            case "query":
                query[item.wire] = codec.text(item, value)
            case "header":
                own.append((item.wire, codec.text(item, value)))
            case "body":
                body[item.wire] = codec.json(item, value)
    target = path + ("?" + urlencode(query) if query else "")
    content = b""
    if any(item.place == "body" for item in operation.request.values()):
        content = json.dumps(body, ensure_ascii=False).encode()
        own.append(("Content-Type", "application/json"))
    return Request(operation.method, target, (*headers, *own), content)


def read_answer(bound: Bound, operation: Operation, headers: Mapping[str, str], body: bytes) -> Read:
    """Read a good answer (status already checked). Never raises: what cannot be read is a problem."""
    by_place: dict[str, dict[str, Item]] = {"header": {}, "body": {}}
    for name, item in operation.response.items():
        by_place[item.place][name] = item
    found = {item.wire: headers[item.wire] for item in by_place["header"].values() if item.wire in headers}
    response, problems = read_record(bound.codec, by_place["header"], found, is_json=False)
    match operation.body:
        case "json":
            content = _json_object(body)
            if content is None:
                return Read(
                    response, [], [*problems, "本文が JSON オブジェクトではありません / body is not a JSON object"]
                )
            raw_rows = content.pop(operation.rows, None) if operation.rows else []
            more, found_problems = read_record(bound.codec, by_place["body"], content, is_json=True)
            rows, row_problems = _json_rows(bound, operation, raw_rows)
            return Read(response | more, rows, problems + found_problems + row_problems)
        case "csv":
            rows, row_problems = read_csv(bound, operation, body)
            return Read(response, rows, problems + row_problems)
    return Read(response, [], problems)


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):  # no UTF-8, no JSON, a number of absurd length, absurd depth
        return None
    return content if isinstance(content, dict) else None


def _json_rows(bound: Bound, operation: Operation, raw_rows: object) -> tuple[list[Record], list[str]]:
    if not isinstance(raw_rows, list):
        return [], [f"{operation.rows}: 配列ではありません / not an array"]
    rows: list[Record] = []
    problems: list[str] = []
    for number, raw in enumerate(raw_rows, start=1):
        if not isinstance(raw, dict):
            problems.append(f"{operation.rows}[{number}]: オブジェクトではありません / not an object")
            continue
        row, found = read_record(bound.codec, operation.row, raw, is_json=True)
        rows.append(row)
        problems += [f"{operation.rows}[{number}].{problem}" for problem in found]
    return rows, problems


def read_csv(bound: Bound, operation: Operation, body: bytes) -> tuple[list[Record], list[str]]:
    """The rows of a CSV answer; encoding, BOM, header line and columns as the surface says."""
    file = bound.surface.file
    text, problems = _csv_text(file, body)
    if text is None:
        return [], problems
    lines = list(csv.reader(io.StringIO(text, newline="")))
    wires = [item.wire for item in operation.row.values()]
    if file.header:
        if not lines or lines[0] != wires:
            return [], [*problems, "見出し行がプロファイルと違います / header line differs from the profile"]
        lines = lines[1:]
    rows: list[Record] = []
    for number, line in enumerate(lines, start=1):
        if len(line) != len(wires):
            problems.append(f"{number} 行目: 列数が違います / wrong number of columns")
            continue
        row, found = read_record(bound.codec, operation.row, dict(zip(wires, line, strict=True)), is_json=False)
        rows.append(row)
        problems += [f"{number} 行目 {problem}" for problem in found]
    return rows, problems


def _csv_text(file: TextFile, body: bytes) -> tuple[str | None, list[str]]:
    has_bom = body.startswith(b"\xef\xbb\xbf")
    problems = []
    if file.encoding == "utf-8":
        if has_bom != file.bom:
            problems.append("BOM の有無がプロファイルと違います / BOM differs from the profile")
        body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        return body.decode(file.encoding), problems
    except UnicodeDecodeError:
        return None, [*problems, f"{file.encoding} として読めません / not readable as {file.encoding}"]
