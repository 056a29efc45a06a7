"""Jobs (sync, import) in background threads: one of a kind at a time, and one after the other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping

from interface_spec.control import Job, JobState
from reference_impl.shinsei_kanri.journal import Journal

KEPT = 200
Work = Callable[[], tuple[Counter[str], str]]


class Jobs:
    """Starts and remembers jobs. ``kinds`` maps a kind to its work; ``expected`` errors become the job's message."""

    def __init__(self, kinds: Mapping[str, Work], expected: tuple[type[Exception], ...], journal: Journal) -> None:
        self._kinds, self._expected, self._journal = kinds, expected, journal
        self._jobs: dict[str, Job] = {}
        self._running: dict[str, str] = {}
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._count = 0

    def start(self, kind: str) -> Job:
        """The new job, or the one of this kind that is still running."""
        with self._lock:
            if kind in self._running:
                return self._jobs[self._running[kind]]
            self._count += 1
            job = Job(job_id=f"{kind}-{self._count}", kind=kind, state=JobState.RUNNING)
            self._jobs[job.job_id] = job
            self._running[kind] = job.job_id
            for old in list(self._jobs)[:-KEPT]:
                if old not in self._running.values():
                    del self._jobs[old]
        threading.Thread(target=self._run, args=(job,), daemon=True, name=job.job_id).start()
        return job

    def get(self, job_id: str) -> Job | None:
        with self._lock:
            return self._jobs.get(job_id)

    def _run(self, job: Job) -> None:
        with self._turn:
            done = self._outcome(job)
        with self._lock:
            self._jobs[job.job_id] = done
            del self._running[job.kind]

    def _outcome(self, job: Job) -> Job:
        try:
            counts, message = self._kinds[job.kind]()
        except self._expected as error:
            self._journal.write("job-failed", job_id=job.job_id, reason=type(error).__name__)
            return job.model_copy(update={"state": JobState.FAILED, "message": str(error)})
        except Exception as error:
            # Ours to mend; the caller must still learn that the job has ended.
            self._journal.write("job-crashed", job_id=job.job_id, error=type(error).__name__)
            message = f"内部の誤りで終わりました / ended by an internal error ({type(error).__name__})"
            return job.model_copy(update={"state": JobState.FAILED, "message": message})
        return job.model_copy(update={"state": JobState.DONE, "message": message, "counts": dict(counts)})
