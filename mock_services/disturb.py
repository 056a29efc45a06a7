"""How a disturbance changes a call of any simulated system over HTTP: before it is looked at, and on its way out."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Literal, Protocol, cast

from interface_spec.profile import Item
from mock_services.fault_kinds import (
    ClockSkewParams,
    CorruptZipParams,
    ErrorWithoutJsonParams,
    JitterParams,
    LatencyParams,
    MissingRowsParams,
    RedirectParams,
    SlowDripParams,
    TimeoutParams,
    TooManyParams,
    TruncateParams,
    UnavailableParams,
    WrongDigestParams,
    WrongLengthParams,
)
from mock_services.faults import FaultBox
from mock_services.http import Answer, Request
from mock_services.surface import Bound, error_answer, find, is_silent


class Service(Protocol):
    system: str

    async def handle(self, request: Request) -> Answer: ...


WriteError = Callable[[str], Answer]
"""Error of the surface's table, in the form in which the surface writes errors."""


async def before(
    bound: Bound | None, box: FaultBox, operation: str, struck: list[str], write_error: WriteError | None = None
) -> Answer | None:
    """The disturbance that answers in the operation's place, if one strikes; delays pass here too."""
    if not box.armed:
        return None
    table = None if bound is None else (bound, write_error or (lambda name: error_answer(bound, name)))
    if (armed := box.take("latency", operation, struck)) is not None:
        await asyncio.sleep(cast(LatencyParams, armed.params).ms / 1000)
    if (armed := box.take("jitter", operation, struck)) is not None:
        jitter = cast(JitterParams, armed.params)
        await asyncio.sleep(armed.drawn(jitter.seed, jitter.most_ms + 1) / 1000)
    if (armed := box.take("timeout", operation, struck)) is not None:
        await asyncio.sleep(cast(TimeoutParams, armed.params).seconds)
        return Answer(0, send="none")
    if box.take("reset", operation, struck) is not None:
        return Answer(0, send="none")
    if box.take("maintenance", operation, struck) is not None:
        return _of_the_table(table, "maintenance", 503)
    if box.take("unexpected", operation, struck) is not None:
        return _of_the_table(table, "unexpected", 500)
    if (armed := box.take("too-many", operation, struck)) is not None:
        seconds = cast(TooManyParams, armed.params).retry_after
        answer = _of_the_table(table, "too_many", 429)
        return replace(answer, headers=(*answer.headers, ("Retry-After", str(seconds))))
    if (armed := box.take("unauthorised", operation, struck)) is not None:
        found = [_of_the_table(table, name, 401) for name in _NOT_AUTHORISED]
        return next((answer for answer in found if answer.body), found[0])
    if (armed := box.take("unavailable", operation, struck)) is not None:
        wait = cast(UnavailableParams, armed.params).retry_after
        return Answer(503, (("Retry-After", str(wait)),) if wait else ())
    if (armed := box.take("redirect", operation, struck)) is not None:
        redirect = cast(RedirectParams, armed.params)
        return Answer(redirect.status, (("Location", redirect.to + "/"),))
    if (armed := box.take("error-without-json", operation, struck)) is not None:
        status = cast(ErrorWithoutJsonParams, armed.params).status
        page = f"<html><head><title>{status}</title></head><body>Gateway error</body></html>"
        return Answer(status, (("Content-Type", "text/html; charset=utf-8"),), page.encode())
    return None


_NOT_AUTHORISED = ("bad_token", "unauthorized")


def after(bound: Bound | None, box: FaultBox, operation: str, answer: Answer, struck: list[str]) -> Answer:
    """The answer, spoilt on its way out; only a good answer can be (but for its Date)."""
    if not box.armed:
        return answer
    if (armed := box.take("clock-skew", operation, struck)) is not None:
        answer = replace(answer, date_skew=cast(ClockSkewParams, armed.params).seconds)
    if answer.status >= 300:
        return answer
    if bound is not None:
        answer = _spoilt_content(bound, box, operation, answer, struck)
    elif _is_zip(answer) and (armed := box.take("corrupt-zip", operation, struck)) is not None:
        answer = broken_zip(answer, cast(CorruptZipParams, armed.params).part)
    size = answer.size
    if (armed := box.take("slow-drip", operation, struck)) is not None:
        drip = cast(SlowDripParams, armed.params)
        answer = replace(answer, piece=drip.piece, every_ms=drip.every_ms)
    if (armed := box.take("wrong-length", operation, struck)) is not None:
        by = cast(WrongLengthParams, armed.params).by
        answer = replace(answer, send="cut", cut_at=size, announced=size + by)
    for name, send in _BREAKS.items():
        armed = box.peek(name, operation)
        cut_at = cast(TruncateParams, armed.params).bytes if armed is not None else answer.sent
        if cut_at < answer.sent and box.take(name, operation, struck) is not None:
            answer = replace(answer, send=send, cut_at=cut_at)
    return answer


_BREAKS: dict[str, Literal["cut", "reset"]] = {"truncate": "cut", "reset-mid-body": "reset"}
"""Where both are armed, the body ends where the first of them ends it."""


def _spoilt_content(bound: Bound, box: FaultBox, operation: str, answer: Answer, struck: list[str]) -> Answer:
    if (armed := box.take("wrong-digest", operation, struck)) is not None:
        answer = altered(answer, cast(WrongDigestParams, armed.params).change)
    if (armed := box.take("corrupt-zip", operation, struck)) is not None:
        digests = {
            item.wire.lower()
            for item in bound.operation(operation).response.values()
            if item.type == "DIGEST" and item.place == "header"
        }
        answer = broken_zip(answer, cast(CorruptZipParams, armed.params).part, digests)
    # The paged list spoils its rows itself, before they are cut into pages.
    if operation not in box.reach.lists and box.take("duplicate-rows", operation, struck) is not None:
        answer = respelt(bound, operation, answer, lambda rows: [*rows[:1], *rows], counted=True)
    if (armed := box.take("missing-rows", operation, struck)) is not None:
        count = cast(MissingRowsParams, armed.params).n
        answer = respelt(bound, operation, answer, lambda rows: rows[count:])
    return answer


def altered(answer: Answer, change: str) -> Answer:
    """The answer with a body that matches its digest no more (fault ``wrong-digest``)."""
    answer = answer.in_memory()
    if not answer.body:
        return answer
    if change == "shorten":
        return replace(answer, body=answer.body[:-1])
    middle = len(answer.body) // 2
    return replace(answer, body=answer.body[:middle] + bytes([answer.body[middle] ^ 0xFF]) + answer.body[middle + 1 :])


def _is_zip(answer: Answer) -> bool:
    return any(name.lower() == "content-type" and value == "application/zip" for name, value in answer.headers)


def broken_zip(answer: Answer, part: str, digests: Collection[str] = ()) -> Answer:
    """The answer with a ZIP that no reader opens (``directory``) or unpacks (``data``), and its right digest.

    ``digests``: the headers (lower case) that hold it.
    """
    answer = answer.in_memory()
    body = bytearray(answer.body)
    end = body.rfind(b"PK\x05\x06")
    if part == "directory" and end >= 0:
        del body[end:]
    else:
        for place in range(len(body) // 3, min(len(body) // 3 + 64, len(body))):
            body[place] ^= 0xFF
    digest = hashlib.sha256(body).hexdigest()
    headers = tuple((name, digest if name.lower() in digests else value) for name, value in answer.headers)
    return replace(answer, headers=headers, body=bytes(body))


_Rows = list[object]


def respelt(
    bound: Bound, operation: str, answer: Answer, change: Callable[[_Rows], _Rows], *, counted: bool = False
) -> Answer:
    """The answer with other rows, on the wire: nothing behind it knows. ``counted``: its total is theirs, too."""
    plan, answer = bound.operation(operation), answer.in_memory()
    total = plan.response.get("total") if counted else None
    if plan.body == "json":
        content = json.loads(answer.body)
        before = len(content[plan.rows])
        content[plan.rows] = change(content[plan.rows])
        more = len(content[plan.rows]) - before
        if total is not None and total.place == "body":
            content[total.wire] += more
        answer = _total_in_header(answer, total, more)
        return replace(answer, body=json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
    file = bound.surface.file
    lines: _Rows = list(csv.reader(io.StringIO(answer.body.decode(file.encoding).removeprefix("\ufeff"), newline="")))
    head, rows = (lines[:1], lines[1:]) if file.header else ([], lines)
    changed = change(rows)
    answer = _total_in_header(answer, total, len(changed) - len(rows))
    out = io.StringIO()
    csv.writer(out, lineterminator=file.newline).writerows(cast("list[list[str]]", [*head, *changed]))
    mark = b"\xef\xbb\xbf" if file.bom and file.encoding == "utf-8" else b""
    return replace(answer, body=mark + out.getvalue().encode(file.encoding))


def _total_in_header(answer: Answer, total: Item | None, more: int) -> Answer:
    if total is None or total.place != "header":
        return answer
    own = total.wire.lower()
    headers = tuple((name, str(int(value) + more) if name.lower() == own else value) for name, value in answer.headers)
    return replace(answer, headers=headers)


def _of_the_table(table: tuple[Bound, WriteError] | None, name: str, status: int) -> Answer:
    """The error of the surface's own table; the bare status where it has none, or where it speaks no JSON then."""
    if table is None:
        return Answer(status)
    bound, write = table
    return write(name) if name in bound.surface.errors and not is_silent(bound, name) else Answer(status)


class Disturbed:
    """A service with the disturbances that are armed on it."""

    def __init__(
        self,
        service: Service,
        bound: Bound,
        box: FaultBox,
        *,
        other_calls: dict[str, str] | None = None,
        write_error: WriteError | None = None,
    ) -> None:
        """``other_calls``: path → name of calls that the surface's operations do not list (a token endpoint)."""
        self.system = service.system
        self._service, self._bound, self._box = service, bound, box
        self._other_calls, self._write_error = other_calls or {}, write_error

    async def handle(self, request: Request) -> Answer:
        name, _, _ = find(self._bound, request)
        operation = name or self._other_calls.get(request.path, "")
        struck: list[str] = []
        answer = await before(self._bound, self._box, operation, struck, self._write_error)
        if answer is None:
            answer = await self._service.handle(request)
            if operation in self._bound.surface.operations:
                answer = after(self._bound, self._box, operation, answer, struck)
        return replace(answer, operation=operation or answer.operation, faults=(*answer.faults, *struck))


class DisturbedScreen:
    """A screen with the disturbances that are armed on it; all it does is one ``operation``."""

    def __init__(self, service: Service, box: FaultBox, operation: str) -> None:
        self.system = service.system
        self._service, self._box, self._operation = service, box, operation

    async def handle(self, request: Request) -> Answer:
        struck: list[str] = []
        answer = await before(None, self._box, self._operation, struck)
        if answer is None:
            answer = after(None, self._box, self._operation, await self._service.handle(request), struck)
        return replace(answer, operation=self._operation, faults=(*answer.faults, *struck))
