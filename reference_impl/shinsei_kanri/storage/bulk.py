"""Many rows in one statement: a round trip and a plan for the whole portion instead of for every row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, TextClause, insert, text

LARGE_BYTES = 1 << 20
"""From here on a file is written by a statement of its own."""


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, new: str = ""
) -> Sequence[Any]:
    """Insert ``rows``, which all have the same columns; columns that they do not name get their defaults.

    They travel as one JSON text, to which the table itself gives the types. With ``new``, a key column, rows whose key
    is there already are left out, and the keys of the others are the answer. Raises DBAPIError.
    """
    if not rows:
        return []
    statement = _statement(table.name, tuple(rows[0]), new)
    done = connection.execute(statement, {"rows": json.dumps(rows, ensure_ascii=False, default=_plain)})
    return done.scalars().all() if new else []


def insert_bodies(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows with a file as ``body`` in them. Raises DBAPIError.

    Large ones go each alone: what a batch has not sent yet is moved in memory again with every write to the server, so
    the time of a batch grows with the square of its bytes.
    """
    small: list[dict[str, Any]] = []
    for row in rows:
        if len(row["body"]) < LARGE_BYTES:
            small.append(dict(row))
        else:
            connection.execute(insert(table), [dict(row)])
    if small:
        connection.execute(insert(table), small)


@cache
def _statement(table: str, columns: tuple[str, ...], new: str) -> TextClause:
    named = ", ".join(f'"{column}"' for column in columns)
    once = f'ON CONFLICT ("{new}") DO NOTHING RETURNING "{new}"' if new else ""
    return text(
        f'INSERT INTO "{table}" ({named}) SELECT {named} '  # noqa: S608 — names of our own tables and columns
        f'FROM json_populate_recordset(NULL::"{table}", CAST(:rows AS json)) {once}'
    )


def _plain(value: object) -> str:
    if isinstance(value, date):  # and datetime
        return value.isoformat()
    raise TypeError(type(value).__name__)
