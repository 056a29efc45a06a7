"""Which drops were made for a core system and which were taken from it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from interface_spec.control import Handover, Ingestion, Review
from reference_impl.shinsei_kanri.storage import tables

HANDOVER, RESULTS = "handover", "results"
MOST = 1000
"""Applications in one drop."""
DROP_LOCK = 0x44524F50


@dataclass(frozen=True)
class Planned:
    """A drop that is decided on; ``receipts`` are its applications, and no other drop's."""

    number: int
    made_at: datetime
    receipts: tuple[str, ...]


def hold(connection: Connection, core_system: str) -> None:
    """One process at a time makes or takes drops of a core system."""
    connection.execute(select(func.pg_advisory_xact_lock(DROP_LOCK, func.hashtext(core_system))))


def unfinished(connection: Connection, core_system: str, procedures: Collection[str]) -> list[Planned]:
    """Drops that were decided on and may not be completely on disk."""
    table = tables.drops
    query = select(table).where(table.c.kind == HANDOVER, table.c.core_system == core_system, ~table.c.done)
    rows = connection.execute(query.order_by(table.c.number)).all()
    return [Planned(row.number, row.made_at, _carried(connection, row.number, procedures)) for row in rows]


def _carried(connection: Connection, number: int, procedures: Collection[str]) -> tuple[str, ...]:
    table = tables.applications
    mine = select(table.c.receipt_no).where(table.c.drop_number == number, table.c.procedure_id.in_(list(procedures)))
    return tuple(connection.execute(mine.order_by(table.c.completed_at, table.c.receipt_no)).scalars())


def plan(connection: Connection, core_system: str, procedures: Collection[str], now: datetime) -> Planned | None:
    """Decide on a drop of everything that waits and is in no drop yet; None when nothing waits."""
    table = tables.applications
    waiting = (
        select(table.c.receipt_no)
        .where(
            table.c.handover == Handover.WAITING,
            table.c.review == Review.COMPLETED,
            table.c.ingestion == Ingestion.STORED,
            table.c.drop_number.is_(None),
            table.c.procedure_id.in_(list(procedures)),
        )
        .order_by(table.c.completed_at, table.c.receipt_no)
        .limit(MOST)
        .with_for_update(skip_locked=True)
    )
    receipts = tuple(connection.execute(waiting).scalars())
    if not receipts:
        return None
    number = last(connection, HANDOVER, core_system) + 1
    made_at = now.replace(microsecond=0)
    row = {"kind": HANDOVER, "core_system": core_system, "number": number, "made_at": made_at}
    connection.execute(insert(tables.drops), [row | {"done": False, "note": ""}])
    chosen = table.c.receipt_no.in_(receipts)
    connection.execute(update(table).where(chosen).values(drop_number=number, version=table.c.version + 1))
    return Planned(number, made_at, receipts)


def last(connection: Connection, kind: str, core_system: str) -> int:
    """The highest number so far; 0 before the first."""
    table = tables.drops
    query = select(func.max(table.c.number)).where(table.c.kind == kind, table.c.core_system == core_system)
    found: int | None = connection.execute(query).scalar_one()
    return found or 0


@dataclass(frozen=True)
class Newest:
    """The drop with the highest number."""

    number: int
    made_at: datetime


def newest(connection: Connection, kind: str, core_system: str) -> Newest | None:
    """The last drop of this kind; None before the first."""
    table = tables.drops
    query = select(table.c.number, table.c.made_at).where(table.c.kind == kind, table.c.core_system == core_system)
    row = connection.execute(query.order_by(table.c.number.desc()).limit(1)).first()
    return None if row is None else Newest(row.number, row.made_at)


def finish(connection: Connection, core_system: str, number: int) -> None:
    table = tables.drops
    mine = (table.c.kind == HANDOVER, table.c.core_system == core_system, table.c.number == number)
    connection.execute(update(table).where(*mine).values(done=True))


def exists(connection: Connection, kind: str, core_system: str, number: int) -> bool:
    table = tables.drops
    mine = (table.c.kind == kind, table.c.core_system == core_system, table.c.number == number)
    return connection.execute(select(table.c.number).where(*mine)).first() is not None


def record_taken(connection: Connection, core_system: str, number: int, made_at: datetime, kind: str = RESULTS) -> None:
    row = {"kind": kind, "core_system": core_system, "number": number, "made_at": made_at}
    connection.execute(insert(tables.drops), [row | {"done": True, "note": ""}])
