"""Stored files read piece by piece: none of them is in memory twice, and what is only passed on not even once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, bindparam, case, func, select

PIECE = 1 << 20


def size(connection: Connection, table: Table, **key: Any) -> int | None:
    """Bytes of the ``body`` of the row with this key; None when there is no such row."""
    found: int | None = connection.execute(
        select(func.octet_length(table.c.body)).filter_by(**key)
    ).scalar_one_or_none()
    return found


def small(connection: Connection, table: Table, **key: Any) -> tuple[int, bytes | None] | None:
    """(bytes of the file, the file itself unless it has more than `PIECE`); None when there is no such row."""
    found = connection.execute(_small(table, tuple(key)), key).first()
    return None if found is None else (found[0], None if found[1] is None else bytes(found[1]))


@cache
def _small(table: Table, key: tuple[str, ...]) -> Select[Any]:
    """Built once: building a statement takes as long as asking it."""
    length = func.octet_length(table.c.body)
    wanted = (table.c[name] == bindparam(name) for name in key)
    return select(length, case((length <= PIECE, table.c.body))).where(*wanted)


def body(connection: Connection, table: Table, **key: Any) -> memoryview | None:
    """The whole file; None when there is no such row."""
    length = size(connection, table, **key)
    if length is None:
        return None
    whole = bytearray()
    for piece in _pieces(connection, table, length, key):
        whole += piece
    return memoryview(whole).toreadonly()


def pieces(engine: Engine, table: Table, **key: Any) -> Iterator[bytes]:
    """The file of one moment, in pieces of at most `PIECE` bytes; nothing when there is no such row."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        yield from _pieces(connection, table, size(connection, table, **key) or 0, key)


def pieces_within(connection: Connection, table: Table, length: int, **key: Any) -> Iterator[bytes]:
    """The file of ``length`` bytes as the transaction of ``connection`` sees it, in pieces of at most `PIECE` bytes."""
    yield from _pieces(connection, table, length, key)


def _pieces(connection: Connection, table: Table, length: int, key: dict[str, Any]) -> Iterator[bytes]:
    for start in range(1, length + 1, PIECE):
        query = select(func.substring(table.c.body, start, PIECE)).filter_by(**key)
        yield bytes(connection.execute(query).scalar_one())
