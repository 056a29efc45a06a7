"""The schema: a fresh database and a migrated one are the same, and the same as the code's tables."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Select, select, text

from reference_impl.shinsei_kanri.storage import database, migrations, schema, tables

CATALOGUE = """
SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
  WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = database.connect(database_url)
    yield engine
    engine.dispose()


def catalogue(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text(CATALOGUE)).scalars())


def test_revisions_are_alembics(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    known = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(known)) == migrations.REVISIONS


def test_fresh_database_has_the_tables_of_the_code(engine: Engine) -> None:
    assert schema.bring_up_to_date(engine) == "fresh"
    assert schema.bring_up_to_date(engine) == "unchanged"
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": ours})
        assert compare_metadata(context, tables.metadata) == []


def ours(name: str | None, kind: str, parents: object) -> bool:
    return kind != "table" or not (name or "").startswith("procrastinate_")


@pytest.mark.parametrize("recorded", [True, False])
def test_first_version_is_brought_forward(engine: Engine, database_url: str, server: object, recorded: bool) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(migrations.script("0001"))
        connection.exec_driver_sql("INSERT INTO sync_positions VALUES ('link', 7, now())")
        if recorded:
            connection.exec_driver_sql(
                "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
                "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));"
                "INSERT INTO alembic_version VALUES ('0001')"
            )
    first = catalogue(engine)
    done = schema.bring_up_to_date(engine)
    assert done == ("unchanged" if recorded and migrations.HEAD == "0001" else "migrated")
    migrated = catalogue(engine)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT last_seq FROM sync_positions")).scalar_one() == 7
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert schema.bring_up_to_date(engine) == "fresh"
    assert catalogue(engine) == migrated
    assert first


def test_several_at_once_and_a_newer_database(database_url: str) -> None:
    engines = [database.connect(database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = sorted(pool.map(schema.bring_up_to_date, engines))
    assert done == ["fresh", "unchanged", "unchanged", "unchanged"]
    with engines[0].begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(schema.SchemaError, match="9999"):
        schema.bring_up_to_date(engines[0])
    for engine in engines:
        engine.dispose()


def test_the_installed_procrastinate_is_the_one_that_revision_0002_was_made_for() -> None:
    """A newer procrastinate with another schema needs a revision of its own: this test says so when the lock changes."""
    body = migrations.procrastinate_schema().read_bytes()
    assert hashlib.sha256(body).hexdigest() == "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            select(tables.applications.c.receipt_no).where(tables.UNTOLD).order_by(tables.applications.c.received_at),
            "applications_untold",
        ),
        (
            select(tables.applications.c.receipt_no).where(
                tables.applications.c.procedure_id == "K01",
                tables.applications.c.imported_at < datetime(2026, 1, 1, tzinfo=UTC),
            ),
            "applications_age",
        ),
    ],
)
def test_what_is_asked_of_a_large_database_has_an_index(engine: Engine, query: Select[str], index: str) -> None:
    schema.bring_up_to_date(engine)
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        literal = query.compile(engine, compile_kwargs={"literal_binds": True})
        plan = connection.execute(text(f"EXPLAIN {literal}".replace(":", r"\:"))).scalars()
        assert index in "\n".join(plan)
