"""基幹 as a client of the product: 一覧 → 取得 → 添付 → 受領確認 over the profile's surface ``handover`` (5章③-5).

It judges nothing by itself: it reports what came, in canonical names and raw, and where the profile was broken.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

import httpx

from interface_spec.profile import Operation
from mock_services.calls import Read, read_answer, write_request
from mock_services.http import Answer as HttpAnswer
from mock_services.http import Headers, Request
from mock_services.models import Answer, PullPlan, PullResult, Received
from mock_services.recorder import Recorder
from mock_services.surface import Bound
from mock_services.wiring import Record, Value, WireError

MAX_RAW = 4 * 1024 * 1024
"""Characters of a raw answer that are handed back; the whole is in the recorder."""
LARGEST_ANSWER = 128 * 1024 * 1024
LARGEST_TABLE = 16 * 1024 * 1024
"""Bytes of an answer that is no attachment: it is read as a whole."""
MOST_FETCHED = 128 * 1024 * 1024
"""Bytes of the applications that one visit takes, together; attachments are not held."""
MOST_TAKEN = 5000
"""Listed applications that one visit takes."""


async def pull(bound: Bound, core_system: str, plan: PullPlan, recorder: Recorder) -> PullResult:
    """One run of the core system against the product. Nothing raises: what went wrong stands in the result."""
    async with httpx.AsyncClient(
        trust_env=False, timeout=plan.timeout_seconds, verify=tls_for(plan.base_url)
    ) as client:
        return await _Pull(bound, core_system, plan, recorder, client).run()


class _TooLarge(Exception):
    """The product's answer is larger than any honest one; ``str()`` is the bound."""


def _cause(error: Exception) -> str:
    return f"{error} バイトを超える応答" if isinstance(error, _TooLarge) else type(error).__name__


class _Pull:
    def __init__(
        self, bound: Bound, core_system: str, plan: PullPlan, recorder: Recorder, client: httpx.AsyncClient
    ) -> None:
        self._bound, self._core_system, self._plan = bound, core_system, plan
        self._recorder, self._client = recorder, client
        self._acks: list[tuple[str, int]] = []
        self._ack_states: dict[str, str] = {}
        self._problems: list[str] = []
        self._fetched = 0
        self._end = asyncio.get_running_loop().time() + plan.whole_seconds

    async def run(self) -> PullResult:
        asked: Record = {"core_system": self._core_system, "procedure_id": self._plan.procedure_id}
        status, read, _ = await self._call("list", asked)
        listed = [str(row["receipt_no"]) for row in read.rows if row["receipt_no"]]
        self._problems += read.problems
        if len(set(listed)) != len(listed):
            self._problems.append("一覧に同じ受付番号が二度あります / a receipt number stands twice in the list")
        total = read.response.get("total")
        if total is not None and total != len(read.rows):
            self._problems.append(f"件数 {total} と行数 {len(read.rows)} が違います / total differs from the rows")
        received = []
        for receipt_no in list(dict.fromkeys(listed))[:MOST_TAKEN]:
            if self._fetched > MOST_FETCHED:
                self._problems.append(
                    f"申請が合わせて {MOST_FETCHED} バイトを超えたため、残りは取得しません / too much: the rest is not fetched"
                )
                break
            if self._plan.only is None or receipt_no in self._plan.only:
                received.append(await self._take(receipt_no, self._plan.answers.get(receipt_no, self._plan.default)))
        for receipt_no in self._plan.unlisted:
            if receipt_no not in listed:
                received.append(await self._take(receipt_no, Answer(result="none")))
        return PullResult(
            status=status,
            listed=listed,
            rows=[plain(row) for row in read.rows],
            received=received,
            acks=self._acks,
            ack_states=self._ack_states,
            problems=self._problems,
        )

    async def _take(self, receipt_no: str, answer: Answer) -> Received:
        """Fetch one application with its attachments, then acknowledge as told (only what was really fetched)."""
        status, read, body = await self._call("fetch", {"receipt_no": receipt_no})
        self._fetched += len(body)
        problems = list(read.problems)
        if status != self._operation("fetch").status:
            return Received(receipt_no=receipt_no, status=status, raw_json=_raw(body), problems=problems)
        if read.response.get("receipt_no") != receipt_no:
            problems.append("求めた受付番号と違う申請です / another receipt number than asked for")
        attachments, more = await self._attachments(receipt_no)
        if answer.result != "none":
            await self._acknowledge(receipt_no, answer)
        return Received(
            receipt_no=receipt_no,
            status=status,
            fields=plain(read.response),
            items=[plain(row) for row in read.rows],
            attachments=attachments,
            raw_json=_raw(body),
            problems=problems + more,
        )

    async def _attachments(self, receipt_no: str) -> tuple[list[dict[str, str | int | None]], list[str]]:
        _, read, _ = await self._call("attachments", {"receipt_no": receipt_no})
        problems = [f"attachments: {problem}" for problem in read.problems]
        found: list[dict[str, str | int | None]] = []
        for row in read.rows:
            asked: Record = {"receipt_no": receipt_no, "seq": row["seq"]}
            status, one, body = await self._call("attachment", asked)
            problems += [f"attachment {row['seq']}: {problem}" for problem in one.problems]
            sha256 = hashlib.sha256(body).hexdigest()
            good = status == self._operation("attachment").status
            if good and (row["size"], row["sha256"]) != (len(body), sha256):
                problems.append(
                    f"attachment {row['seq']}: 一覧の大きさかダイジェストと違います / differs from the list"
                )
            found.append({**plain(row), "status": status, "real_size": len(body), "real_sha256": sha256})
        return found, problems

    async def _acknowledge(self, receipt_no: str, answer: Answer) -> None:
        asked: Record = {
            "receipt_no": receipt_no,
            "result": answer.result,
            "error_item": answer.item or None,
            "error_reason": answer.reason or None,
        }
        status, read, _ = await self._call("ack", asked)
        self._acks.append((receipt_no, status))
        if isinstance(state := read.response.get("state"), str):
            self._ack_states[receipt_no] = state
        self._problems += [f"ack {receipt_no}: {problem}" for problem in read.problems]

    def _operation(self, name: str) -> Operation:
        return self._bound.operation(name)

    async def _call(self, name: str, values: Mapping[str, Value]) -> tuple[int, Read, bytes]:
        """(status, what was read, body); status 0 when no answer came."""
        operation, surface = self._operation(name), self._bound.surface
        key: Headers = ((surface.auth_header, self._plan.api_key),) if surface.auth == "api-key" else ()
        try:
            request = write_request(self._bound, operation, values, key)
        except WireError as error:
            return 0, Read(problems=[f"{name}: {error}"]), b""
        url = self._plan.base_url.rstrip("/") + request.target
        request = replace(request, peer=self._plan.base_url)
        try:
            most = LARGEST_ANSWER if name == "attachment" else min(LARGEST_TABLE, LARGEST_ANSWER)
            answer, content = await self._answer(request.method, url, request.headers, request.body, most)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, _TooLarge) as error:
            self._record(request, HttpAnswer(0, operation=name, send="none"))
            problem = f"{name}: 応答がありません（{_cause(error)}） / no answer"
            return 0, Read(problems=[problem]), b""
        self._record(request, HttpAnswer(answer.status_code, tuple(answer.headers.items()), content, operation=name))
        if answer.status_code != operation.status:
            problem = f"{name}: status {answer.status_code}（期待 / expected {operation.status}）"
            return answer.status_code, Read(problems=[problem]), content
        return answer.status_code, read_answer(self._bound, operation, answer.headers, content), content

    async def _answer(
        self, method: str, url: str, headers: Headers, body: bytes, most: int
    ) -> tuple[httpx.Response, bytes]:
        """One exchange within its bounds. TimeoutError for time, _TooLarge for size, httpx's own for the rest."""
        left = self._end - asyncio.get_running_loop().time()
        async with asyncio.timeout(max(0.0, min(self._plan.timeout_seconds, left))):
            async with self._client.stream(method, url, headers=dict(headers), content=body or None) as answer:
                content = bytearray()
                async for piece in answer.aiter_bytes():
                    content += piece
                    if len(content) > most:
                        raise _TooLarge(most)
                return answer, bytes(content)

    def _record(self, request: Request, answer: HttpAnswer) -> None:
        self._recorder.record(f"pull:{self._core_system}", request, answer)


def plain(record: Mapping[str, Value]) -> dict[str, str | int | None]:
    """Canonical values as JSON carries them: dates and times in ISO 8601."""
    return {name: value.isoformat() if isinstance(value, (datetime, date)) else value for name, value in record.items()}


def _raw(body: bytes) -> str:
    return body.decode("utf-8", errors="replace")[:MAX_RAW]


def tls_for(url: str) -> ssl.SSLContext:
    """The system's authorities for https; a product that speaks plain http needs none, and loading them takes long."""
    return ssl.create_default_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
