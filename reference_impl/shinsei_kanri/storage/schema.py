"""The schema of a database: made at once when the database is fresh, brought forward by Alembic when it is older."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

from reference_impl.shinsei_kanri.storage import migrations

SCHEMA_LOCK = 0x5348494E  # one number for every process of this product: only one changes the schema at a time


class SchemaError(RuntimeError):
    """The database belongs to another version of this product; ``str()`` is one sentence."""


def bring_up_to_date(engine: Engine) -> str:
    """Make or migrate the schema; what was done: ``fresh``, ``unchanged`` or ``migrated``. Raises SchemaError.

    Safe when several processes start at once. One transaction: a failure leaves the database as it was.
    """
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})
        found = version(connection)
        if found == migrations.HEAD:
            return "unchanged"
        if not found and not _exists(connection, "applications"):
            _create(connection)
            return "fresh"
        if found and found not in migrations.REVISIONS:
            raise SchemaError(
                f"データベースの版 {found} を、この版の製品は知りません（新しい製品で使われたものです） / "
                "the database was used by a newer version of this product"
            )
        _migrate(connection, found)
        return "migrated"


def version(connection: Connection) -> str:
    """The revision of the schema; "" when there is none yet."""
    if not _exists(connection, "alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none() or ""


def _exists(connection: Connection, table: str) -> bool:
    return connection.execute(text("SELECT to_regclass(:name)"), {"name": table}).scalar_one() is not None


def _create(connection: Connection) -> None:
    """All revisions in one round trip; Alembic need not even be loaded."""
    record = (
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));\n"
        f"INSERT INTO alembic_version VALUES ('{migrations.HEAD}');"
    )
    migrations.run(connection, "\n".join([*map(migrations.script, migrations.REVISIONS), record]))


def _migrate(connection: Connection, found: str) -> None:
    from alembic import command  # only an old database needs it, and it takes long to load
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    if not found:  # made before there were revisions
        command.stamp(config, migrations.REVISIONS[0])
    command.upgrade(config, "head")
