"""Jobs: one of a kind at a time, every end told, nothing lost when a worker dies."""

from __future__ import annotations

import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from interface_spec.control import Job, JobState
from reference_impl.shinsei_kanri.clock import JST, Clock
from reference_impl.shinsei_kanri.jobs import Jobs, Outcome
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.records import Listed
from reference_impl.shinsei_kanri.storage import database, runs
from reference_impl.shinsei_kanri.worker import Worker

NOW = datetime(2026, 11, 23, 9, tzinfo=JST)
Make = Callable[..., Jobs]


class Log:
    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.journal = Journal(self.stream, Clock())

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = database.connect(database_url)
    database.create_schema(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def make(engine: Engine, database_url: str, log: Log) -> Iterator[Make]:
    """Jobs with a worker that does them."""
    workers: list[Worker] = []

    def jobs(batch: Callable[[int, int], Outcome | None] | None = None, work: bool = True, **kinds: object) -> Jobs:
        made = Jobs(engine, Clock(NOW), kinds, batch or (lambda _, __: None), (LookupError,), log.journal)  # type: ignore[arg-type]
        if work:
            workers.append(Worker(database_url, made, log.journal, 2))
            workers[-1].start()
        return made

    yield jobs
    for worker in workers:
        assert worker.stop(10)


def finished(jobs: Jobs, job: Job, seconds: float = 15) -> Job:
    deadline = time.monotonic() + seconds
    while (found := jobs.get(job.job_id)) is None or found.state is JobState.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def listed(number: int) -> Listed:
    return Listed(f"R{number:04}", "K01", "131016", NOW, NOW, 1, "00")


def test_second_request_gets_the_running_job(make: Make) -> None:
    gate = threading.Event()

    def work(run_id: int) -> Outcome:
        gate.wait(10)
        return Counter(n=1), "ok"

    jobs = make(**{"import": work})
    first, second = jobs.start("import"), jobs.start("import")
    assert first.job_id == second.job_id
    gate.set()
    done = finished(jobs, first)
    assert (done.state, done.counts, done.message) == (JobState.DONE, {"n": 1}, "ok")
    assert jobs.start("import").job_id != first.job_id
    for unknown in ("nothing", "import-0", "sync-" + first.job_id.partition("-")[2], "import-x", "-1"):
        assert jobs.get(unknown) is None


def test_expected_trouble_is_told_and_a_crash_tells_no_values(make: Make, log: Log) -> None:
    def trouble(run_id: int) -> Outcome:
        raise LookupError("連携サーバがありません")

    def crash(run_id: int) -> Outcome:
        raise RuntimeError("氏名: 髙橋")

    jobs = make(**{"import": trouble, "sync": crash})
    told, crashed = finished(jobs, jobs.start("import")), finished(jobs, jobs.start("sync"))
    assert (told.state, told.message) == (JobState.FAILED, "連携サーバがありません")
    assert crashed.state is JobState.FAILED
    assert "髙橋" not in crashed.message + log.stream.getvalue()
    assert log.events() == ["job-failed", "job-crashed"]


def test_batches_are_shared_out_and_the_last_one_ends_the_run(make: Make, engine: Engine) -> None:
    seen: list[int] = []

    def plan(run_id: int) -> None:
        with engine.begin() as connection:
            for _ in range(2):  # a second plan of the same run changes nothing
                runs.plan(connection, run_id, {"new": 3}, ["before"], [[listed(1), listed(2)], [listed(3)]])

    def batch(run_id: int, number: int) -> Outcome | None:
        seen.append(number)
        with engine.begin() as connection:
            for row in runs.open_rows(connection, run_id, number):
                runs.record(connection, run_id, {row.receipt_no: "stored"}, "n" * (number == 1))
                runs.record(connection, run_id, {row.receipt_no: "failed"})  # the first outcome stays
        with engine.connect() as connection:
            counts, notes, still_open = runs.outcomes(connection, run_id)
        return None if still_open else (Counter(counts), "+".join(notes))

    jobs = make(batch=batch, **{"import": plan})
    done = finished(jobs, jobs.start("import"))
    assert (done.counts, done.message) == ({"new": 3, "stored": 3}, "before+n")
    assert sorted(seen) == [0, 1]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM import_rows")).scalar_one() == 0


def test_run_whose_job_was_lost_is_put_into_the_queue_again(make: Make, engine: Engine, log: Log) -> None:
    jobs = make(work=False, sync=lambda _: (Counter(), ""))
    job = jobs.start("sync")
    jobs.sweep()
    assert log.events() == []
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM procrastinate_jobs"))
    jobs.sweep()
    assert log.events() == ["job-deferred-again"]
    assert finished(make(sync=lambda _: (Counter(), "done")), job).message == "done"


def test_job_of_a_dead_worker_is_done_by_another(make: Make, engine: Engine, log: Log) -> None:
    job = make(work=False).start("sync")
    with engine.begin() as connection:
        dead = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute') RETURNING id"
        worker_id = connection.execute(text(dead)).scalar_one()
        connection.execute(text("SELECT procrastinate_fetch_job_v2(NULL, :id)"), {"id": worker_id})
    assert finished(make(sync=lambda _: (Counter(), "done")), job).message == "done"
    assert "job-stalled" in log.events()


def test_database_that_goes_away_leaves_the_run_open(make: Make, engine: Engine) -> None:
    calls: list[int] = []

    def work(run_id: int) -> Outcome:
        calls.append(run_id)
        if len(calls) == 1:
            with engine.connect() as connection:
                me = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
                with engine.connect() as other:
                    other.execute(text("SELECT pg_terminate_backend(:me)"), {"me": me})
                with pytest.raises(OperationalError) as broken:
                    connection.execute(text("SELECT 1"))
                raise broken.value
        return Counter(), "second time"

    jobs = make(sync=work)
    assert finished(jobs, jobs.start("sync")).message == "second time"
    assert len(calls) == 2


def test_schedule_starts_one_import_a_period(make: Make) -> None:
    jobs = make(work=False, sync=lambda _: None, **{"import": lambda _: None})
    assert jobs.start_if_due(timedelta(hours=1))
    assert not jobs.start_if_due(timedelta(hours=1))
    assert jobs.start_if_due(timedelta(0))
