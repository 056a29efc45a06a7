"""Jobs: one of a kind at a time, and every end is told."""

from __future__ import annotations

import io
import json
import threading
import time
from collections import Counter

from interface_spec.control import Job, JobState
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.jobs import Jobs
from reference_impl.shinsei_kanri.journal import Journal


def finished(jobs: Jobs, job: Job) -> Job:
    deadline = time.monotonic() + 5
    while (found := jobs.get(job.job_id)) is None or found.state is JobState.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found


def test_second_request_gets_the_running_job() -> None:
    gate, log = threading.Event(), io.StringIO()

    def work() -> tuple[Counter[str], str]:
        gate.wait(5)
        return Counter(n=1), "ok"

    jobs = Jobs({"import": work}, (), Journal(log, Clock()))
    first, second = jobs.start("import"), jobs.start("import")
    assert first.job_id == second.job_id
    gate.set()
    done = finished(jobs, first)
    assert (done.state, done.counts, done.message) == (JobState.DONE, {"n": 1}, "ok")
    assert jobs.start("import").job_id != first.job_id
    assert jobs.get("nothing") is None


def test_expected_trouble_is_told_and_a_crash_tells_no_values() -> None:
    log = io.StringIO()

    def trouble() -> tuple[Counter[str], str]:
        raise LookupError("連携サーバがありません")

    def crash() -> tuple[Counter[str], str]:
        raise RuntimeError("氏名: 髙橋")

    jobs = Jobs({"import": trouble, "sync": crash}, (LookupError,), Journal(log, Clock()))
    told, crashed = finished(jobs, jobs.start("import")), finished(jobs, jobs.start("sync"))
    assert (told.state, told.message) == (JobState.FAILED, "連携サーバがありません")
    assert crashed.state is JobState.FAILED
    assert "髙橋" not in crashed.message + log.getvalue()
    assert [json.loads(line)["event"] for line in log.getvalue().splitlines()] == ["job-failed", "job-crashed"]
