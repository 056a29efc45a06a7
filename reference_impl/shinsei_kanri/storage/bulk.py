"""Many rows in one statement: a round trip and a plan for the whole portion instead of for every row."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from itertools import chain
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import JSON, BigInteger, Connection, Integer, Table, TextClause, text
from sqlalchemy.exc import DBAPIError

CHUNK = 1 << 16
"""Bytes that are handed to the server at once: a file is never copied as a whole on its way."""
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = struct.pack(">h", -1)
_COLUMNS, _LENGTH = struct.Struct(">h"), struct.Struct(">i")
_WHOLE, _LONG = struct.Struct(">i"), struct.Struct(">q")


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


def append_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows, which all have the same columns, by COPY: half the work of `insert_rows`. Raises DBAPIError."""
    waiting = iter(rows)
    first = next(waiting, None)
    if first is not None:
        documents = [name for name in first if isinstance(table.c[name].type, JSON)]
        plain = (row | {name: Jsonb(row[name]) for name in documents} for row in map(dict, chain([first], waiting)))
        append(connection, table, tuple(first), (tuple(row.values()) for row in plain))


def append(connection: Connection, table: Table, columns: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of plain values in the order of ``columns`` by COPY. Raises DBAPIError."""
    with _copying(connection, _copy(table.name, columns, "")) as copy:
        for row in rows:
            copy.write_row(row)


def append_bodies(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows of texts and numbers with a file as their last column, by COPY. Raises DBAPIError.

    A file goes to the server piece by piece, whatever its size.
    """
    waiting = iter(rows)
    first = next(waiting, None)
    if first is None:
        return
    columns = tuple(first)
    files = ((values, len(body), _pieces(body)) for *values, body in (row.values() for row in chain([first], waiting)))
    with _copying(connection, _copy(table.name, columns, " (FORMAT BINARY)")) as copy:
        for piece in packed(table, columns, files):
            copy.write(piece)


def packed(
    table: Table,
    columns: Sequence[str],
    rows: Iterable[tuple[Sequence[Any], int, Iterable[bytes | bytearray | memoryview]]],
) -> Iterator[bytes]:
    """Rows of texts and numbers with a file as their last column, as PostgreSQL's binary COPY, piece by piece.

    A row is its values, and the file's size and pieces.
    """
    numbers = {name: _LONG if isinstance(table.c[name].type, BigInteger) else _WHOLE for name in _whole(table)}
    waiting = bytearray(_SIGNATURE)
    for values, size, pieces in rows:
        waiting += _COLUMNS.pack(len(columns))
        for name, value in zip(columns, values, strict=False):
            content = numbers[name].pack(value) if name in numbers else value.encode()
            waiting += _LENGTH.pack(len(content))
            waiting += content
        waiting += _LENGTH.pack(size)
        for piece in pieces:
            waiting += piece
            if len(waiting) >= CHUNK:
                yield bytes(waiting)
                waiting.clear()
    yield bytes(waiting + _TRAILER)


def _pieces(body: bytes | memoryview) -> Iterator[memoryview]:
    view = memoryview(body)
    return (view[start : start + CHUNK] for start in range(0, len(view), CHUNK))


def _whole(table: Table) -> list[str]:
    return [column.name for column in table.c if isinstance(column.type, Integer)]


@contextmanager
def _copying(connection: Connection, statement: str) -> Iterator[psycopg.Copy]:
    """A COPY within the transaction of ``connection``; psycopg's errors as SQLAlchemy would raise them."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("psycopg 3 が要ります / psycopg 3 is needed")
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            yield copy
    except psycopg.Error as error:
        lost = driver.broken
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement,
            None,
            error,
            psycopg.Error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=connection.dialect,
        ) from error


@cache
def _copy(table: str, columns: tuple[str, ...], how: str) -> str:
    named = ", ".join(f'"{column}"' for column in columns)
    return f'COPY "{table}" ({named}) FROM STDIN{how}'


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
