"""The schema, step by step: each revision of Alembic runs one SQL file, and a fresh database runs all of them at once."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

FOLDER = Path(__file__).parent
REVISIONS = ("0001", "0002", "0003", "0004")
"""Oldest first; the last one is what this version of the product needs."""
HEAD = REVISIONS[-1]


def script(revision: str) -> str:
    """The SQL of one revision: its files in the order of their names."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((FOLDER / "sql").glob(f"{revision}_*.sql")))


def run(connection: Connection, sql: str) -> None:
    """Run several statements in one round trip, exactly as written (a ``%`` is a ``%``)."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(sql)
