"""Waiting for a job of a product behind its control interface."""

from __future__ import annotations

import time

import httpx

from interface_spec import control
from interface_spec.control import Job, JobState

PAUSE_SECONDS = 0.02


def finished(http: httpx.Client, job: Job) -> Job:
    """``job`` when it no longer runs. Raises httpx.HTTPError when the product is gone."""
    while job.state is JobState.RUNNING:
        time.sleep(PAUSE_SECONDS)
        answer = http.get(control.JOB.format(job_id=job.job_id)).raise_for_status()
        job = Job.model_validate(answer.json())
    return job
