"""Jobs (sync, import): asked for by anybody, kept in the database, done by any worker, each end told.

A run is one sync or one import as the control interface sees it. Its work arrives as jobs of the queue: one for the
run, and for an import one per batch. Every step may be done twice without harm: a worker that died, or only looked
dead, is replaced after some seconds.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from interface_spec.control import Job, JobState
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.storage import runs

SWEEP_LOCK = 0x53574550
DUE_LOCK = 0x44554521
Outcome = tuple[Counter[str], str]
Work = Callable[[int], Outcome | None]
"""From the run's number to its result; None when batches have still to be done."""
BatchWork = Callable[[int, int], Outcome | None]
"""From the run's number and the batch's to the result of the whole run; None while other batches are open."""


class Jobs:
    """Starts and does jobs. ``kinds`` maps a kind to its work; ``expected`` errors become the run's message."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        kinds: Mapping[str, Work],
        batch: BatchWork,
        expected: tuple[type[Exception], ...],
        journal: Journal,
    ) -> None:
        self._engine, self._clock, self._journal = engine, clock, journal
        self._kinds, self._batch, self._expected = kinds, batch, expected
        self._lock = threading.Lock()
        self._count = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """What can be started."""
        return tuple(self._kinds)

    def start(self, kind: str) -> Job:
        """The new run, or the one of this kind that is still running."""
        with self._engine.begin() as connection:
            job, new = runs.open_run(connection, kind, self._clock.now())
        if new:
            with self._lock:
                self._count += 1
        return job

    def start_if_due(self, every: timedelta) -> bool:
        """Every kind of job, unless somebody asked for an import less than ``every`` ago; one process at a time decides."""
        with self._engine.begin() as connection:
            if not runs.try_lock(connection, DUE_LOCK):
                return False
            now = self._clock.now()
            last = runs.requested(connection, "import")
            if last is not None and timedelta(0) <= now - last < every:
                return False
            for kind in self._kinds:
                runs.open_run(connection, kind, now)
        return True

    def get(self, job_id: str) -> Job | None:
        """The run with this id; None when there is none, or none any more."""
        kind, _, number = job_id.rpartition("-")
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        with self._engine.connect() as connection:
            job = runs.get(connection, int(number))
        return job if job is not None and job.kind == kind else None

    def do_run(self, kind: str, run_id: int) -> None:
        """A worker's turn: the run as a whole. Raises DBAPIError when the database went away meanwhile."""
        self._do(run_id, lambda: self._kinds[kind](run_id))

    def do_batch(self, run_id: int, batch: int) -> None:
        """A worker's turn: one batch. Raises DBAPIError when the database went away meanwhile."""
        self._do(run_id, lambda: self._batch(run_id, batch))

    def _do(self, run_id: int, work: Callable[[], Outcome | None]) -> None:
        with self._engine.connect() as connection:
            if not runs.is_running(connection, run_id):
                return
        try:
            outcome = work()
        except self._expected as error:
            self._journal.write("job-failed", run_id=run_id, reason=type(error).__name__)
            self._end(run_id, JobState.FAILED, str(error), None)
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise  # nobody could be told now: the run stays open and its job comes again
            # Ours to mend; the caller must still learn that the job has ended.
            self._journal.write("job-crashed", run_id=run_id, error=type(error).__name__)
            message = f"内部の誤りで終わりました / ended by an internal error ({type(error).__name__})"
            self._end(run_id, JobState.FAILED, message, None)
        else:
            if outcome is not None:
                self._end(run_id, JobState.DONE, outcome[1], outcome[0])

    def _end(self, run_id: int, state: JobState, message: str, counts: Mapping[str, int] | None) -> None:
        with self._engine.begin() as connection:
            if runs.lock(connection, run_id):
                known = counts if counts is not None else runs.outcomes(connection, run_id)[0]
                runs.end(connection, run_id, state, message, known, self._clock.now())

    def sweep(self) -> None:
        """Put jobs into the queue again whose run is open while no job is left for it; one process at a time."""
        with self._engine.begin() as connection:
            lost = runs.defer_lost(connection) if runs.try_lock(connection, SWEEP_LOCK) else []
        for run_id in lost:
            self._journal.write("job-deferred-again", run_id=run_id)
