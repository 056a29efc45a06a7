"""Adapter ``http``: drives a product through the reference control interface (`interface_spec.control`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import httpx
from pydantic import BaseModel

from conformance.adapters import answers
from conformance.adapters.base import AdapterProblem, Change, ProductUnreachable, Sighted
from conformance.adapters.deadline import BoundedTransport
from interface_spec import control
from interface_spec.control import (
    ApplicationDetail,
    ApplicationPage,
    ApplicationSummary,
    Health,
    IdentifyPerson,
    Job,
    JobState,
    ReviewChange,
)

M = TypeVar("M", bound=BaseModel)

PAGE = 200
LARGEST_ANSWER = 64 * 1024 * 1024
MOST_APPLICATIONS = 100_000

Recorder = Callable[[httpx.Request, httpx.Response, bytes], int]
"""Keeps one exchange with the product and returns its sequence number."""


class HttpAdapter(Sighted):
    """One product behind one base URL."""

    def __init__(self, base_url: str, token: str, record: Recorder, *, call_timeout: float, job_timeout: float) -> None:
        self._record = record
        self._job_timeout = job_timeout
        self._client = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=call_timeout,
            trust_env=False,
            follow_redirects=False,
            transport=BoundedTransport(answers.tls_for(base_url), call_timeout),
        )

    def close(self) -> None:
        self._client.close()

    def _call(self, method: str, path: str, body: BaseModel | None = None) -> tuple[httpx.Response, bytes, int]:
        """One exchange; a body is read up to a limit, so that a hostile product cannot fill the memory."""
        content = body.model_dump_json() if body is not None else None
        headers = {"Content-Type": "application/json"} if content else {}
        request = self._client.build_request(method, path, content=content, headers=headers)
        try:
            response = self._client.send(request, stream=True)
            with_body = bytearray()
            try:
                for piece in response.iter_bytes():
                    with_body += piece
                    if len(with_body) > LARGEST_ANSWER:
                        raise AdapterProblem(
                            f"{method} {path}",
                            f"応答が {LARGEST_ANSWER} バイトを超えた",
                            f"the answer exceeds {LARGEST_ANSWER} bytes",
                        )
            finally:
                response.close()
        except httpx.DecodingError:
            raise AdapterProblem(
                f"{method} {path}", "応答の圧縮を解けません", "the answer's compression cannot be undone"
            ) from None
        except httpx.TransportError as error:
            cause = f"{type(error).__name__}: {error}"
            raise ProductUnreachable(
                f"{self._client.base_url}: {method} {path}", f"応答がありません（{cause}）", f"no answer ({cause})"
            ) from None
        data = bytes(with_body)
        return response, data, self._record(request, response, data)

    def _read(self, model: type[M], method: str, path: str, body: BaseModel | None = None) -> M:
        response, data, _ = self._call(method, path, body)
        if not response.is_success:
            raise answers.refused(f"{method} {path}", response.status_code, data)
        return answers.parse(model, data, f"{method} {path}")

    def health(self) -> Health:
        return self._read(Health, "GET", control.HEALTH)

    def sync(self) -> Job:
        return self._finished(self._read(Job, "POST", control.SYNC))

    def import_now(self) -> Job:
        return self._finished(self._read(Job, "POST", control.IMPORTS))

    def _finished(self, job: Job) -> Job:
        """Waits for the job: short steps first, so that a quick product is not kept waiting."""
        started = time.monotonic()
        pause = 0.02
        while job.state is JobState.RUNNING:
            if time.monotonic() - started > self._job_timeout:
                raise AdapterProblem(
                    f"job {job.job_id}",
                    f"{self._job_timeout:g} 秒待っても終わりません",
                    f"not finished after {self._job_timeout:g} s",
                )
            time.sleep(pause)
            pause = min(pause * 1.2, 1.0)
            job = self._read(Job, "GET", control.JOB.format(job_id=job.job_id))
        return job

    def applications(self) -> list[ApplicationSummary]:
        """Every application that the product lists, page by page until its total is reached."""
        found: list[ApplicationSummary] = []
        while len(found) < MOST_APPLICATIONS:
            page = self._read(ApplicationPage, "GET", f"{control.APPLICATIONS}?offset={len(found)}&limit={PAGE}")
            found += page.items
            if not page.items or len(found) >= page.total:
                return found
        raise AdapterProblem(
            f"GET {control.APPLICATIONS}",
            f"一覧が {MOST_APPLICATIONS} 件を超えました",
            f"the list exceeds {MOST_APPLICATIONS} applications",
        )

    def application(self, receipt_no: str) -> ApplicationDetail | None:
        path = control.APPLICATION.format(receipt_no=receipt_no)
        response, data, _ = self._call("GET", path)
        if response.status_code == 404:
            return None
        if not response.is_success:
            raise answers.refused(f"GET {path}", response.status_code, data)
        return answers.parse(ApplicationDetail, data, f"GET {path}")

    def attachment(self, receipt_no: str, seq: int) -> tuple[int, bytes]:
        response, data, _ = self._call("GET", control.ATTACHMENT.format(receipt_no=receipt_no, seq=seq))
        return response.status_code, data

    def review(self, receipt_no: str, change: ReviewChange) -> Change:
        return self._change(control.REVIEW.format(receipt_no=receipt_no), change)

    def identify(self, receipt_no: str, person: IdentifyPerson) -> Change:
        return self._change(control.IDENTIFY.format(receipt_no=receipt_no), person)

    def _change(self, path: str, body: BaseModel) -> Change:
        response, data, exchange = self._call("POST", path, body)
        if not response.is_success:
            return Change(response.status_code, answers.problem_text(data), None, exchange)
        return Change(response.status_code, "", answers.parse(ApplicationDetail, data, f"POST {path}"), exchange)
