"""The connection to PostgreSQL."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection

from reference_impl.shinsei_kanri.storage import schema


def sqlalchemy_url(url: str) -> str:
    """A libpq URL (``postgresql://…``) for SQLAlchemy with psycopg 3. Raises ValueError for any other kind of URL."""
    scheme, colon, rest = url.partition("://")
    if not colon or scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise ValueError("postgresql:// で始まる URL を書いてください / write a postgresql:// URL")
    return f"postgresql+psycopg://{rest}"


def connect(url: str) -> Engine:
    """A pool of connections to ``url``, ended transactions rolled back on return. Connects on first use."""
    engine = create_engine(
        make_url(sqlalchemy_url(url)), pool_size=8, max_overflow=16, pool_pre_ping=True, hide_parameters=True
    )
    event.listen(engine, "connect", _durable)
    return engine


def _durable(connection: DBAPIConnection, _: object) -> None:
    """What was confirmed survives a crash, whatever the server's own default is."""
    with closing(connection.cursor()) as cursor:
        cursor.execute("SET synchronous_commit = on")
    connection.commit()


def create_schema(engine: Engine) -> None:
    """Make the schema or bring it forward; safe when several processes start at once. Raises schema.SchemaError."""
    schema.bring_up_to_date(engine)


def ping(engine: Engine) -> None:
    """Raise SQLAlchemyError unless the database answers."""
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
