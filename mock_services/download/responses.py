"""ダウンロード機能: canonical requests in, answers out, disturbed by whatever fault is armed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import cast

from mock_services.download.errors import BadTokenError
from mock_services.download.models import DownloadStore, Token, Window
from mock_services.download.packages import Spool, ready
from mock_services.download.shelf import Application, Matches
from mock_services.fault_kinds import PageLimitParams, ShiftParams
from mock_services.faults import FaultBox, strike
from mock_services.http import Answer, BigBody, Request
from mock_services.surface import Bound, RowsBody, WireRow, json_row, write_answer
from mock_services.wiring import Record, Value


@dataclass(frozen=True)
class Call:
    """One authorised call: what was asked, by whom (None for login), and the faults that struck so far.

    ``folder``: where an answer lies that is too big to be held.
    """

    bound: Bound
    store: DownloadStore
    faults: FaultBox
    folder: Path
    asked: Record
    token: Token | None
    struck: list[str]

    def text(self, name: str) -> str:
        value = self.asked[name]
        return "" if value is None else str(value)

    @property
    def dantai_code(self) -> str:
        if self.token is None:
            raise BadTokenError
        return self.token.dantai_code

    def answer(
        self, operation: str, response: dict[str, Value], rows: Sequence[Mapping[str, Value]] | None = None
    ) -> Answer:
        return write_answer(self.bound, self.bound.operation(operation), response, rows)


def authorise(
    bound: Bound, store: DownloadStore, faults: FaultBox, request: Request, operation: str, struck: list[str]
) -> Token:
    """The caller's token. BadTokenError when it is missing, unknown, expired or struck by expire-token."""
    scheme, _, value = (request.header(bound.surface.auth_header) or "").partition(" ")
    token = store.authorise(value if scheme.lower() == "bearer" else None)
    if faults.outlived(operation, token.value, struck):
        store.revoke(token.value)
        raise BadTokenError
    return token


async def login(call: Call) -> Answer:
    token = call.store.login(call.text("dantai_code"), call.text("account"), call.text("secret"))
    return call.answer("login", {"token": token.value, "expires_in": call.store.token_seconds})


async def list_applications(call: Call) -> Answer:
    window = Window(
        received_from=cast(datetime, call.asked["received_from"]),
        received_to=cast(datetime, call.asked["received_to"]),
        procedure_id=cast("str | None", call.asked["procedure_id"]) or None,
        offset=cast("int | None", call.asked["offset"]) or 0,
        limit=cast("int | None", call.asked["limit"]),
    )
    found = call.store.matching(call.dantai_code, window)
    limit = None
    if (armed := call.faults.take("page-limit", "list", call.struck)) is not None:
        limit = cast(PageLimitParams, armed.params).n
    size = call.store.page_size(window, limit)
    found = _shifted(call, found, window, size)
    if found and call.faults.take("duplicate-rows", "list", call.struck) is not None:
        start = window.offset
        rows = found.rows(0, 1) + found.rows(0, size - 1) if start == 0 else found.rows(start - 1, size)
        return call.answer("list", {"total": len(found) + 1}, await _listed(call, rows))
    return call.answer("list", {"total": len(found)}, await _listed(call, found.rows(window.offset, size)))


_ROWS_KEPT = 20_000
_AT_A_TIME = 10
"""Rows that are made before other calls get a turn: size and digest cost a tenth of a millisecond each."""


async def _listed(call: Call, rows: Sequence[Application]) -> Sequence[Mapping[str, Value]]:
    """The rows of these applications; in JSON each is brought into wire form once, applications do not change."""
    operation = call.bound.operation("list")
    kept = call.store.wire_rows
    known = [found[1] for one in rows if (found := kept.get(one.receipt_no)) is not None and found[0] is one]
    if len(known) == len(rows):
        return known
    await ready(one.package for one in rows)
    if len(kept) > _ROWS_KEPT:
        kept.clear()
    made: list[Mapping[str, Value]] = []
    for one in rows:
        if len(made) % _AT_A_TIME == 0:
            await asyncio.sleep(0)
        if operation.body != "json":
            made.append(_row(one))
            continue
        found = kept.get(one.receipt_no)
        if found is None or found[0] is not one:
            row = json_row(call.bound.codec, operation.row, _row(one))
            found = kept[one.receipt_no] = (one, WireRow(cast("Mapping[str, Value]", row)))
        made.append(found[1])
    return made


def _shifted(call: Call, found: Matches, window: Window, size: int) -> Matches:
    """Without the application that is to appear in front after this first page (fault ``shift``)."""
    armed = call.faults.peek("shift", "list")
    if armed is None or not found or window.offset != 0:
        return found
    receipt_no = cast(ShiftParams, armed.params).receipt_no
    late = call.store.peek(receipt_no) if receipt_no else found.rows(0, 1)[0]
    rest = found.without(late) if late is not None else found
    if len(rest) == len(found) or size >= len(rest):
        return found  # not among them, or no second page that could shift
    strike(armed, call.struck)
    return rest


def _row(one: Application) -> dict[str, Value]:
    return {
        "receipt_no": one.receipt_no,
        "procedure_id": one.procedure_id,
        "dantai_code": one.dantai_code,
        "received_at": one.received_at,
        "arrived_at": one.arrived_at,
        "size": one.package.size,
        "sha256": one.package.sha256,
    }


async def get_application(call: Call) -> Answer:
    one = call.store.get(call.dantai_code, call.text("receipt_no"))
    package, held = one.package, one.package.path is None
    await ready([package])
    answer = write_answer(
        call.bound,
        call.bound.operation("get"),
        {"sha256": package.sha256},
        binary=("application/zip", package.read() if held else b""),
    )
    return answer if held else replace(answer, file=BigBody(cast(Path, package.path), package.size, package.sha256))


async def list_statuses(call: Call) -> Answer:
    window = Window(cast(datetime, call.asked["received_from"]), cast(datetime, call.asked["received_to"]))
    found = call.store.matching(call.dantai_code, window)
    body = RowsBody(call.bound, call.bound.operation("status_list"), {"total": len(found)})
    spool = Spool(call.folder)
    try:
        spool.write(body.head)
        for page in found.pages():
            spool.write(body.piece([{"receipt_no": one.receipt_no, "status": one.status} for one in page]))
            await asyncio.sleep(0)
        spool.write(body.tail)
        whole = spool.answer()
    finally:
        spool.drop()
    if isinstance(whole, bytes):
        return replace(body.answer, body=whole)
    return replace(body.answer, body=b"", file=whole)


async def update_status(call: Call) -> Answer:
    one = call.store.set_status(call.dantai_code, call.text("receipt_no"), call.text("status"))
    return call.answer("status_update", {"status": one.status})


OPERATIONS: dict[str, Callable[[Call], Awaitable[Answer]]] = {
    "login": login,
    "list": list_applications,
    "get": get_application,
    "status_list": list_statuses,
    "status_update": update_status,
}
