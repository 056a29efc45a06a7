"""団体内統合宛名: canonical requests in, answers in the frame of the 共通機能 style out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from interface_spec.profile import Envelope, Operation
from mock_services.http import Answer, MalformedError, Request, json_answer
from mock_services.surface import Bound, json_row
from mock_services.togo.errors import BadRequestError, Breach
from mock_services.togo.models import TogoStore
from mock_services.wiring import Record, Value, WireError


def read(bound: Bound, operation: Operation, request: Request) -> Record:
    """The canonical request. BadRequestError with every breach: E0001 missing, E0002 characters or kind, E0003 length,
    E0004 an item that does not belong to this call (仮定)."""
    try:
        found = request.json_object()
        stray = bool(request.query())
    except MalformedError:
        raise BadRequestError([Breach("required", name) for name in operation.request]) from None
    record: Record = {}
    breaches = [Breach("relation", "")] if stray else []
    for name, item in operation.request.items():
        value = found.pop(item.wire, None)
        if value in (None, ""):
            breaches.append(Breach("required", name))
            continue
        if isinstance(value, str) and item.length is not None and len(value) > item.length:
            breaches.append(Breach("length", name))
            continue
        try:
            record[name] = bound.codec.from_json(item, value)
        except WireError:
            breaches.append(Breach("character", name))
            continue
        if name == "gyomu_id" and isinstance(value, str) and len(value) != item.length:
            breaches.append(Breach("length", name))  # 公開: 業務ID has exactly its length
        elif isinstance(value, str) and not (value.isascii() and value.isalnum()):
            breaches.append(Breach("character", name))
    if found:
        breaches.append(Breach("relation", ""))
    if breaches:
        raise BadRequestError(breaches)
    return record


def lookup(bound: Bound, store: TogoStore, asked: Record) -> Answer:
    found = store.lookup(str(asked["gyomu_id"]), str(asked["atena_no"]))
    rows: list[dict[str, Value]] = [
        {
            "atena_no": one.atena_no,
            "togo_atena_no": one.togo_atena_no,
            "merged_into": one.merged_into or None,
            "merged": bool(one.merged_into),
        }
        for one in found
    ]
    return good(bound, bound.operation("lookup"), rows)


def reverse(bound: Bound, store: TogoStore, asked: Record) -> Answer:
    rows: list[dict[str, Value]] = [
        {"gyomu_id": gyomu_id, "atena_no": atena_no}
        for gyomu_id, atena_no in store.reverse(str(asked["togo_atena_no"]))
    ]
    return good(bound, bound.operation("reverse"), rows)


OPERATIONS: dict[str, Callable[[Bound, TogoStore, Record], Answer]] = {"lookup": lookup, "reverse": reverse}


def good(bound: Bound, operation: Operation, rows: Sequence[Mapping[str, Value]]) -> Answer:
    frame = _frame(bound)
    detail = f"{len(rows)} 件" if rows else "該当なし"
    content = _head(frame, operation, "正常終了", detail)
    content[operation.rows or frame.result] = [json_row(bound.codec, operation.row, row) for row in rows]
    return json_answer(operation.status, content)


def bad(bound: Bound, operation: Operation, breaches: Sequence[Breach]) -> Answer:
    """400 with every breach: code and message of the table; the message names the item on the wire."""
    frame, errors = _frame(bound), bound.surface.errors
    listed = []
    for one in breaches:
        error = errors[one.name]
        wire = operation.request[one.wire].wire if one.wire else ""
        message = f"{error.message}（{wire}）" if wire else error.message
        listed.append({frame.error_code: error.code, frame.error_message: message})
    content = _head(frame, operation, "入力エラー", f"{len(listed)} 件の誤りがあります")
    return json_answer(errors[breaches[0].name].status, content | {frame.errors: listed})


def refused(bound: Bound, operation: Operation, name: str) -> Answer:
    """An error without details: 401 and the unexpected one."""
    frame, error = _frame(bound), bound.surface.errors[name]
    content = _head(frame, operation, error.message, error.message)
    if error.code:
        content[frame.errors] = [{frame.error_code: error.code, frame.error_message: error.message}]
    return json_answer(error.status, content)


def _frame(bound: Bound) -> Envelope:
    return bound.surface.envelope or Envelope()


def _head(frame: Envelope, operation: Operation, title: str, detail: str) -> dict[str, object]:
    return {
        frame.metadata: {frame.title: title, frame.detail: detail},
        frame.links: {frame.self_link: {frame.href: operation.path}},
    }
