"""The worker: takes jobs from the queue in PostgreSQL (procrastinate). Any number of them, on any number of machines."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from reference_impl.shinsei_kanri.jobs import Jobs
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.storage import runs

HEARTBEAT_SECONDS = 1.0
STALLED_SECONDS = 3.0
"""A worker that has been silent for so long counts as dead: its jobs go to another one."""
SWEEP_SECONDS = 1.0
POLL_SECONDS = 1.0
"""New jobs are announced by NOTIFY; this is how soon one is found when the announcement was lost."""
AGAIN_SECONDS = 0.5
STOP_SECONDS = 1.0


class Worker:
    """One worker in a thread of its own, doing up to ``concurrency`` jobs at once; started again when it breaks."""

    def __init__(self, database_url: str, jobs: Jobs, journal: Journal, concurrency: int) -> None:
        self._url = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._jobs, self._journal, self._concurrency = jobs, journal, concurrency
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="worker")

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> bool:
        """Take no more jobs; True when the running ones ended within ``seconds``."""
        self._stopping.set()
        if self._loop is not None and self._main is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                asyncio.run(self._until_cancelled())
            except asyncio.CancelledError:
                continue
            except Exception as error:
                # The database may be away for a while: the next attempt will tell.
                self._journal.write("worker-broken", error=type(error).__name__)
                self._stopping.wait(AGAIN_SECONDS)

    async def _until_cancelled(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        app = self._app()
        async with app.open_async():
            working = asyncio.ensure_future(
                app.run_worker_async(
                    queues=[runs.QUEUE],
                    concurrency=self._concurrency,
                    install_signal_handlers=False,
                    listen_notify=True,
                    delete_jobs="always",
                    fetch_job_polling_interval=POLL_SECONDS,
                    shutdown_graceful_timeout=STOP_SECONDS,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=STALLED_SECONDS,
                )
            )
            sweeping = asyncio.ensure_future(self._sweep(app))
            try:
                done, _ = await asyncio.wait({working, sweeping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sweeping, working):
                    task.cancel()
                await asyncio.gather(sweeping, working, return_exceptions=True)
            for task in done:
                task.result()

    def _app(self) -> Any:
        import procrastinate  # only the worker needs it, and it takes long to load

        connector = procrastinate.PsycopgConnector(
            conninfo=self._url, min_size=1, max_size=self._concurrency + 3, timeout=5
        )
        app = procrastinate.App(connector=connector)
        jobs = self._jobs

        @app.task(name=runs.RUN)
        def run(run_id: int, kind: str) -> None:
            jobs.do_run(kind, run_id)

        @app.task(name=runs.BATCH)
        def batch(run_id: int, batch: int) -> None:
            jobs.do_batch(run_id, batch)

        return app

    async def _sweep(self, app: Any) -> None:
        """Jobs of dead workers, and runs whose job is gone, go back into the queue."""
        from procrastinate.exceptions import ProcrastinateException

        while True:
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
                self._journal.write("job-stalled", task=job.task_name, **job.task_kwargs)
                try:
                    await app.job_manager.retry_job(job)
                except ProcrastinateException as error:  # another worker was faster
                    self._journal.write("job-not-retried", error=type(error).__name__)
            await asyncio.to_thread(self._jobs.sweep)
            await asyncio.sleep(SWEEP_SECONDS)
