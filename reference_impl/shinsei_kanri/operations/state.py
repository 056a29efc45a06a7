"""What operators and staff should know at a glance: counts, ages, what waits too long. No personal data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, func, select, text

from interface_spec.control import Handover, PersonState, Review
from reference_impl.shinsei_kanri.storage import migrations, schema, tables

STALE = timedelta(hours=26)
"""番号紐付情報 and 宛名情報 come daily: older than this means that a delivery is missing."""
WORKER_SECONDS = 10
CLOSED = (Review.COMPLETED, Review.REJECTED, Review.WITHDRAWN)


@dataclass(frozen=True)
class Register:
    """One synchronised copy: ``link`` or ``atena:<core system>``; None = never taken over."""

    source: str
    synced_at: datetime | None
    age: timedelta | None

    @property
    def stale(self) -> bool:
        return self.age is None or self.age > STALE


@dataclass(frozen=True)
class Snapshot:
    by_ingestion: Mapping[str, int]
    by_review: Mapping[str, int]
    by_handover: Mapping[str, int]
    persons_open: int
    reminders: int
    oldest_waiting_seconds: float
    queue: Mapping[str, int]
    workers: int


def registers(connection: Connection, sources: list[str], now: datetime) -> list[Register]:
    """Every copy this product needs, with its age."""
    table = tables.sync_positions
    known: dict[str, datetime] = {row.source: row.synced_at for row in connection.execute(select(table))}
    return [
        Register(source, known.get(source), None if source not in known else now - known[source]) for source in sources
    ]


def reminders(connection: Connection, limit: int) -> list[tuple[str, str, datetime]]:
    """(受付番号, 手続, 受付日時): the review is done and nobody has told that the resident's status was updated."""
    table = tables.applications
    query = select(table.c.receipt_no, table.c.procedure_id, table.c.received_at).where(tables.UNTOLD)
    return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(table.c.received_at).limit(limit))]


def snapshot(connection: Connection, now: datetime) -> Snapshot:
    table = tables.applications

    def counted(name: str) -> dict[str, int]:
        column = table.c[name]
        return {row[0]: row[1] for row in connection.execute(select(column, func.count()).group_by(column))}

    def one(query: Select[int]) -> int:
        return connection.execute(query).scalar_one()

    waiting: datetime | None = connection.execute(
        select(func.min(table.c.completed_at)).where(table.c.handover == Handover.WAITING)
    ).scalar_one()
    queue = connection.execute(text("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY 1"))
    return Snapshot(
        by_ingestion=counted("ingestion"),
        by_review=counted("review"),
        by_handover=counted("handover"),
        persons_open=one(
            select(func.count()).select_from(tables.persons).where(tables.persons.c.state == PersonState.STAFF)
        ),
        reminders=one(select(func.count()).select_from(table).where(tables.UNTOLD)),
        oldest_waiting_seconds=0.0 if waiting is None else max((now - waiting).total_seconds(), 0.0),
        queue={row[0]: row[1] for row in queue},
        workers=live_workers(connection),
    )


def live_workers(connection: Connection) -> int:
    """Workers that gave a sign of life within the last seconds, on any machine."""
    query = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :seconds)"
    return int(connection.execute(text(query), {"seconds": WORKER_SECONDS}).scalar_one())


def schema_is_current(connection: Connection) -> bool:
    return schema.version(connection) == migrations.HEAD
