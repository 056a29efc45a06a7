"""Runs of sync and import, and the rows that an import has still to take in. Jobs are deferred in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from interface_spec.control import Job, JobState
from reference_impl.shinsei_kanri.records import Listed
from reference_impl.shinsei_kanri.storage import tables
from reference_impl.shinsei_kanri.storage.bulk import append_rows

QUEUE = "shinsei"
RUN, BATCH = "run", "batch"
"""The two tasks of the queue: a run as a whole, and one batch of an import."""
TURN = "turn"
"""Runs hold this lock while they work: sync and the listing of an import never at the same time."""
KEPT = 200

_DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(:queue, :task, 0, :lock, NULL, CAST(:args AS jsonb), NULL)]"
    "::procrastinate_job_to_defer_v1[])"
)
_LOST = text(
    "SELECT id, kind, planned FROM job_runs r WHERE state = 'running' AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j "
    "WHERE j.status IN ('todo', 'doing') AND (j.args->>'run_id')::bigint = r.id) ORDER BY id"
)
_RECORD = text(
    "UPDATE import_rows SET outcome = found.value, note = :note FROM json_each_text(CAST(:found AS json)) AS found "
    "WHERE run_id = :run AND receipt_no = found.key AND outcome IS NULL"
)


def defer(connection: Connection, task: str, lock: str | None = None, **args: Any) -> None:
    """Put one job into the queue: it exists when, and only when, the caller's transaction is committed."""
    connection.execute(_DEFER, {"queue": QUEUE, "task": task, "lock": lock, "args": json.dumps(args)})


def open_run(connection: Connection, kind: str, at: datetime) -> tuple[Job, bool]:
    """(the run, whether it is new): the one of this kind that is still running, or a new one with its job."""
    while True:
        row = {"kind": kind, "state": JobState.RUNNING, "message": "", "counts": {}, "notes": [], "planned": False}
        statement = upsert(tables.job_runs).values(row | {"requested_at": at})
        running = tables.job_runs.c.state == JobState.RUNNING.value
        made = connection.execute(
            statement.on_conflict_do_nothing(index_elements=["kind"], index_where=text("state = 'running'")).returning(
                tables.job_runs
            )
        ).first()
        if made is not None:
            defer(connection, RUN, TURN, run_id=made.id, kind=kind)
            old = select(tables.job_runs.c.id).where(~running).order_by(tables.job_runs.c.id.desc()).offset(KEPT)
            connection.execute(delete(tables.job_runs).where(tables.job_runs.c.id.in_(old)))
            return as_job(made), True
        query = select(tables.job_runs).where(running, tables.job_runs.c.kind == kind)
        if (found := connection.execute(query).first()) is not None:
            return as_job(found), False


def get(connection: Connection, run_id: int) -> Job | None:
    row = connection.execute(select(tables.job_runs).where(tables.job_runs.c.id == run_id)).first()
    return None if row is None else as_job(row)


def as_job(row: Row[Any]) -> Job:
    return Job(
        job_id=f"{row.kind}-{row.id}",
        kind=row.kind,
        state=JobState(row.state),
        message=row.message,
        counts=dict(row.counts),
    )


def is_running(connection: Connection, run_id: int) -> bool:
    state = select(tables.job_runs.c.state).where(tables.job_runs.c.id == run_id)
    return connection.execute(state).scalar_one_or_none() == JobState.RUNNING


def requested(connection: Connection, kind: str, *, done: bool = False) -> datetime | None:
    """When the last run of ``kind`` (the last that succeeded, with ``done``) was asked for."""
    query = select(func.max(tables.job_runs.c.requested_at)).where(tables.job_runs.c.kind == kind)
    if done:
        query = query.where(tables.job_runs.c.state == JobState.DONE.value)
    found: datetime | None = connection.execute(query).scalar_one()
    return found


def plan(
    connection: Connection,
    run_id: int,
    counts: Mapping[str, int],
    notes: Sequence[str],
    batches: Iterable[Sequence[Listed]],
) -> None:
    """Write down what an import will take in, with one job per batch. A second plan of the same run changes nothing."""
    table = tables.job_runs
    row = connection.execute(select(table).where(table.c.id == run_id).with_for_update()).one()
    if row.planned or row.state != JobState.RUNNING:
        return
    for number, batch in enumerate(batches):
        append_rows(connection, tables.import_rows, (_import_row(run_id, number, listed) for listed in batch))
        defer(connection, BATCH, run_id=run_id, batch=number)
    connection.execute(
        update(table).where(table.c.id == run_id).values(planned=True, counts=dict(counts), notes=list(notes))
    )


def _import_row(run_id: int, batch: int, listed: Listed) -> dict[str, Any]:
    return {"run_id": run_id, "batch": batch, "note": ""} | {
        name: getattr(listed, name)
        for name in ("receipt_no", "procedure_id", "dantai_code", "received_at", "arrived_at", "size", "sha256")
    }


def open_rows(connection: Connection, run_id: int, batch: int) -> list[Listed]:
    """The rows of a batch without outcome, oldest first."""
    table = tables.import_rows
    query = select(table).where(table.c.run_id == run_id, table.c.batch == batch, table.c.outcome.is_(None))
    return [
        Listed(row.receipt_no, row.procedure_id, row.dantai_code, row.received_at, row.arrived_at, row.size, row.sha256)
        for row in connection.execute(query.order_by(table.c.received_at, table.c.receipt_no))
    ]


def record(connection: Connection, run_id: int, outcomes: Mapping[str, str], note: str = "") -> None:
    """What became of rows, by 受付番号; the first outcome stays."""
    connection.execute(_RECORD, {"run": run_id, "found": json.dumps(outcomes), "note": note})


def outcomes(connection: Connection, run_id: int) -> tuple[dict[str, int], list[str], int]:
    """(rows by outcome, notes, rows without outcome) of a run so far, with what its plan counted."""
    run = connection.execute(select(tables.job_runs).where(tables.job_runs.c.id == run_id)).one()
    table = tables.import_rows
    grouped = connection.execute(
        select(table.c.outcome, func.count()).where(table.c.run_id == run_id).group_by(table.c.outcome)
    )
    by_outcome = {row[0]: row[1] for row in grouped}
    told = select(table.c.note).where(table.c.run_id == run_id, table.c.note != "").order_by(table.c.receipt_no)
    still_open = by_outcome.pop(None, 0)
    return dict(run.counts) | by_outcome, [*run.notes, *connection.execute(told).scalars()], still_open


def lock(connection: Connection, run_id: int) -> bool:
    """Hold the run until the transaction ends; False when it is no longer running."""
    query = select(tables.job_runs.c.state).where(tables.job_runs.c.id == run_id).with_for_update()
    return connection.execute(query).scalar_one_or_none() == JobState.RUNNING


def end(
    connection: Connection, run_id: int, state: JobState, message: str, counts: Mapping[str, int], at: datetime
) -> None:
    """The run has ended; its rows are no longer needed."""
    table = tables.job_runs
    values = {"state": state, "message": message, "counts": dict(counts), "ended_at": at, "notes": []}
    connection.execute(update(table).where(table.c.id == run_id).values(values))
    connection.execute(delete(tables.import_rows).where(tables.import_rows.c.run_id == run_id))


def defer_lost(connection: Connection) -> list[int]:
    """Runs that are not ended and for which no job is left: their jobs are put into the queue again."""
    found = connection.execute(_LOST).all()
    for run in found:
        table = tables.import_rows
        open_batches = select(table.c.batch).where(table.c.run_id == run.id, table.c.outcome.is_(None)).distinct()
        batches = list(connection.execute(open_batches).scalars()) if run.planned else []
        for batch in batches:
            defer(connection, BATCH, run_id=run.id, batch=batch)
        if not batches:
            defer(connection, RUN, TURN, run_id=run.id, kind=run.kind)
    return [run.id for run in found]


def try_lock(connection: Connection, key: int) -> bool:
    """True for one process at a time, until its transaction ends."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(key))).scalar_one())
