"""One application as it is shown: everything in a single question, whose lists PostgreSQL itself puts together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, text


def _list(table: str, order: str, **columns: str) -> str:
    """A subquery for the rows of ``table``: a JSON list of objects, whose names stand for these expressions."""
    pairs = ", ".join(f"'{name}', {expression}" for name, expression in columns.items())
    return _aggregated(table, order, f"json_build_object({pairs})")


def _aggregated(table: str, order: str, expression: str) -> str:
    return (
        f"(SELECT coalesce(json_agg({expression} ORDER BY {order}), '[]') "  # noqa: S608 — our own names
        f"FROM {table} WHERE {table}.receipt_no = a.receipt_no)"
    )


def _same(*names: str) -> Mapping[str, str]:
    return {name: name for name in names}


LISTS = {
    "form": _list("form_items", "position", **_same("item_id", "label", "occurrence", "value"), group="item_group"),
    "files": _list("attachments", "seq", **_same("seq", "label", "file_name", "media_type", "size", "sha256")),
    "people": _list(
        "persons",
        "role",
        **_same("role", "state", "method", "juki_atena_no", "core_system", "atena_no", "candidates", "reasons"),
    ),
    "errors": _aggregated("core_errors", "id", "CASE item WHEN '' THEN reason ELSE item || ': ' || reason END"),
    "events": _list("history", "id", **_same("at", "actor", "what", "reason")),
}
"""Named as in the answer; the objects' names are those of the models of `interface_spec.control`."""

_WHOLE = text(
    f"SELECT a.*, {', '.join(f'{query} AS {name}' for name, query in LISTS.items())} "  # noqa: S608 — our own names
    "FROM applications a WHERE a.receipt_no = :receipt_no"
)


def whole(connection: Connection, receipt_no: str) -> Row[Any] | None:
    """The header of an application and, as lists of plain values, `LISTS`; None when there is none."""
    return connection.execute(_WHOLE, {"receipt_no": receipt_no}).first()
