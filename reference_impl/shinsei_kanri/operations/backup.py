"""Backup and restore without PostgreSQL's tools: one consistent snapshot as a ZIP with counts and hashes.

The queue is left out: runs that were under way are put into the queue again after a restore. Rows are in PostgreSQL's
binary form. Memory stays bounded whatever is stored: a COPY from PostgreSQL would bring every row as a whole, so rows with
a file are read and put into that form here, piece by piece.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from psycopg import Cursor, sql
from sqlalchemy import Connection, Engine, Table, case, func, select, text

from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.storage import bulk, files, migrations, schema, tables

MANIFEST = "manifest.json"
CHUNK = 1024 * 1024
FILE = "body"
Bytes = bytes | bytearray | memoryview
INLINE, AT_ONCE = 256 * 1024, 32
"""Files up to so many bytes come with their rows, and so many rows at once."""


class BackupTrouble(Exception):
    """A backup cannot be written or is not what it says; nothing was changed. One sentence."""


def backup(engine: Engine, clock: Clock, path: Path) -> dict[str, int]:
    """Write everything to ``path`` (mode 0600, renamed into place); rows by table. Raises BackupTrouble."""
    beside = path.with_name(f"{path.name}.part")
    counts: dict[str, int] = {}
    manifest: dict[str, Any] = {"schema": migrations.HEAD, "made_at": clock.now().isoformat(), "tables": {}}
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
                if schema.version(connection) != migrations.HEAD:
                    raise BackupTrouble("データベースの版が製品と違います / the database has another version")
                for table in tables.metadata.sorted_tables:
                    counts[table.name] = connection.execute(select(func.count()).select_from(table)).scalar_one()
                    columns = [column.name for column in table.columns]
                    with archive.open(f"{table.name}.copy", "w", force_zip64=True) as entry:
                        digest = _written(_binary(connection, table, columns), entry)
                    manifest["tables"][table.name] = {
                        "columns": columns,
                        "rows": counts[table.name],
                        "sha256": digest,
                    }
            archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
        beside.replace(path)
    except OSError as error:
        raise BackupTrouble(f"{path} に書けません / cannot write ({error.strerror})") from None
    return counts


def restore(engine: Engine, path: Path) -> dict[str, int]:
    """Fill an empty database from ``path``, in one transaction; rows by table. Raises BackupTrouble."""
    counts: dict[str, int] = {}
    with _archive(path) as archive:
        manifest = _manifest(archive)
        schema.bring_up_to_date(engine)
        with engine.begin() as connection:
            if any(connection.execute(select(table).limit(1)).first() for table in tables.metadata.sorted_tables):
                raise BackupTrouble("データベースが空ではありません / the database is not empty")
            for table in tables.metadata.sorted_tables:
                told = manifest["tables"][table.name]
                with archive.open(f"{table.name}.copy") as entry:
                    digest = _copy_in(connection, table.name, told["columns"], entry)
                counts[table.name] = connection.execute(select(func.count()).select_from(table)).scalar_one()
                if (counts[table.name], digest) != (told["rows"], told["sha256"]):
                    raise BackupTrouble(f"{table.name}: 件数かSHA-256が目録と違います / differs from the manifest")
            _sequences(connection)
    return counts


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise BackupTrouble(f"{path.name} をバックアップとして読めません / not readable ({error})") from None


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(archive.read(MANIFEST))
        names, version = set(manifest["tables"]), manifest["schema"]
    except (ValueError, KeyError, TypeError):
        raise BackupTrouble("目録を読めません / the manifest is unreadable") from None
    if version != migrations.HEAD or names != set(tables.metadata.tables):
        raise BackupTrouble(f"版 {version} のバックアップです（同じ版の製品で戻してください） / of another version")
    return manifest


def _cursor(connection: Connection) -> Cursor[Any]:
    cursor: Cursor[Any] = connection.connection.cursor()  # type: ignore[assignment]
    return cursor


def _named(table: str, columns: list[str], form: str) -> sql.Composed:
    return sql.SQL(form).format(sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns)))


def _written(pieces: Iterable[Bytes], entry: IO[bytes]) -> str:
    """Write ``pieces``; their SHA-256."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        entry.write(piece)
    return digest.hexdigest()


def _binary(connection: Connection, table: Table, columns: list[str]) -> Iterator[Bytes]:
    """The rows of ``table`` as a binary COPY."""
    if FILE in columns:
        yield from bulk.packed(table, columns, _with_files(connection, table))
        return
    with (
        _cursor(connection) as cursor,
        cursor.copy(_named(table.name, columns, "COPY {} ({}) TO STDOUT (FORMAT BINARY)")) as copy,
    ):
        yield from copy


def _with_files(connection: Connection, table: Table) -> Iterator[tuple[Sequence[Any], int, Iterable[Bytes]]]:
    """(values, size of the file, its pieces) of every row; a large file is read when its pieces are asked for."""
    size = func.octet_length(table.c.body)
    plain = [column for column in table.columns if column.name != FILE]
    query = select(*plain, size, case((size <= INLINE, table.c.body)))
    for *values, length, body in connection.execute(query, execution_options={"yield_per": AT_ONCE}):
        if body is not None:
            yield values, length, [body]
            continue
        key = {
            column.name: value for column, value in zip(plain, values, strict=True) if column.name in table.primary_key
        }
        yield values, length, files.pieces_within(connection, table, length, **key)


def _copy_in(connection: Connection, table: str, columns: list[str], entry: IO[bytes]) -> str:
    digest = hashlib.sha256()
    with (
        _cursor(connection) as cursor,
        cursor.copy(_named(table, columns, "COPY {} ({}) FROM STDIN (FORMAT BINARY)")) as copy,
    ):
        while piece := entry.read(CHUNK):
            digest.update(piece)
            copy.write(piece)
    return digest.hexdigest()


def _sequences(connection: Connection) -> None:
    """New rows get numbers after those that came back."""
    for table in tables.metadata.sorted_tables:
        if any(column.identity is not None for column in table.columns):
            highest = connection.execute(select(func.max(table.c.id))).scalar_one()
            if highest is not None:
                name = {"name": table.name, "value": highest}
                connection.execute(text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :value)"), name)
