"""ダウンロード機能: canonical requests in, answers out, disturbed by whatever fault is armed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from mock_services.download.errors import BadTokenError
from mock_services.download.models import Application, DownloadStore, Token, Window
from mock_services.fault_kinds import ExpireTokenParams, PageLimitParams, ShiftParams
from mock_services.faults import FaultBox, strike
from mock_services.http import Answer, Request
from mock_services.surface import Bound, WireRow, json_row, write_answer
from mock_services.wiring import Record, Value


@dataclass(frozen=True)
class Call:
    """One authorised call: what was asked, by whom (None for login), and the faults that struck so far."""

    bound: Bound
    store: DownloadStore
    faults: FaultBox
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
    armed = faults.peek("expire-token", operation)
    if armed is not None:
        params = cast(ExpireTokenParams, armed.params)
        armed.calls[token.value] = armed.calls.get(token.value, 0) + 1
        if armed.calls[token.value] > params.after_calls:
            strike(armed, struck)
            store.revoke(token.value)
            raise BadTokenError
    return token


def login(call: Call) -> Answer:
    token = call.store.login(call.text("dantai_code"), call.text("account"), call.text("secret"))
    return call.answer("login", {"token": token.value, "expires_in": call.store.token_seconds})


def list_applications(call: Call) -> Answer:
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
    found = _shifted(call, found, window, limit)
    if found and call.faults.take("duplicate-rows", "list", call.struck) is not None:
        found = [found[0], *found]
    page = call.store.page(found, window, limit)
    return call.answer("list", {"total": page.total}, [_listed(call, one) for one in page.rows])


def _listed(call: Call, one: Application) -> Mapping[str, Value]:
    """The row of one application; in JSON it is brought into wire form once, applications do not change."""
    operation = call.bound.operation("list")
    if operation.body != "json":
        return _row(one)
    known = call.store.wire_rows.get(one.receipt_no)
    if known is None or known[0] is not one:
        known = (one, WireRow(cast("Mapping[str, Value]", json_row(call.bound.codec, operation.row, _row(one)))))
        call.store.wire_rows[one.receipt_no] = known
    return known[1]


def _shifted(call: Call, found: list[Application], window: Window, limit: int | None) -> list[Application]:
    """Without the application that is to appear in front after this first page (fault ``shift``)."""
    armed = call.faults.peek("shift", "list")
    if armed is None or not found or window.offset != 0:
        return found
    late = cast(ShiftParams, armed.params).receipt_no or found[0].receipt_no
    rest = [one for one in found if one.receipt_no != late]
    if len(rest) == len(found) or len(call.store.page(rest, window, limit).rows) == len(rest):
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
        "size": len(one.package),
        "sha256": one.sha256,
    }


def get_application(call: Call) -> Answer:
    one = call.store.get(call.dantai_code, call.text("receipt_no"))
    return write_answer(
        call.bound, call.bound.operation("get"), {"sha256": one.sha256}, binary=("application/zip", one.package)
    )


def list_statuses(call: Call) -> Answer:
    window = Window(cast(datetime, call.asked["received_from"]), cast(datetime, call.asked["received_to"]))
    found = call.store.matching(call.dantai_code, window)
    rows: list[dict[str, Value]] = [{"receipt_no": one.receipt_no, "status": one.status} for one in found]
    return call.answer("status_list", {"total": len(rows)}, rows)


def update_status(call: Call) -> Answer:
    one = call.store.set_status(call.dantai_code, call.text("receipt_no"), call.text("status"))
    return call.answer("status_update", {"status": one.status})


OPERATIONS: dict[str, Callable[[Call], Answer]] = {
    "login": login,
    "list": list_applications,
    "get": get_application,
    "status_list": list_statuses,
    "status_update": update_status,
}
