"""The schema, step by step: each revision of Alembic runs one SQL file, and a fresh database runs all of them at once."""

from __future__ import annotations

import importlib.util
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

FOLDER = Path(__file__).parent
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
"""Oldest first; the last one is what this version of the product needs."""
HEAD = REVISIONS[-1]


JOBS = "0002"
"""The revision that also brings the tables of procrastinate, from the installed package's own file."""


def script(revision: str) -> str:
    """The SQL of one revision: its files in the order of their names, procrastinate's own before ours."""
    files = sorted((FOLDER / "sql").glob(f"{revision}_*.sql"))
    if revision == JOBS:
        files.insert(0, procrastinate_schema())
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def procrastinate_schema() -> Path:
    """The schema file of the installed procrastinate, found without importing it (that takes long)."""
    spec = importlib.util.find_spec("procrastinate")
    if spec is None or spec.origin is None:
        raise RuntimeError("procrastinate がありません / procrastinate is not installed")
    return Path(spec.origin).parent / "sql" / "schema.sql"


def run(connection: Connection, sql: str) -> None:
    """Run several statements in one round trip, exactly as written (a ``%`` is a ``%``)."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(sql)
