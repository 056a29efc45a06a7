"""ダウンロード機能: which call is which operation, and the order in which it is judged.

Disturbances first, then path and method, then the token, then what is asked: nothing is looked at for a stranger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from interface_spec.profile import Profile
from mock_services.disturb import after, before
from mock_services.download.errors import ERRORS, BadRequestError, DownloadError
from mock_services.download.models import DownloadStore
from mock_services.download.responses import OPERATIONS, Call, authorise
from mock_services.faults import FaultBox
from mock_services.http import Answer, MalformedError, Request
from mock_services.rules import Door
from mock_services.surface import Bound, Shape, bind, error_answer, find, is_silent, no_such_call, read_request

_WINDOW = {"received_from": "DATETIME", "received_to": "DATETIME"}

SHAPES = {
    "login": Shape(
        request={"dantai_code": "text", "account": "text", "secret": "text"},
        response={"token": "text", "expires_in": "INT"},
    ),
    "list": Shape(
        request=_WINDOW | {"procedure_id": "text", "offset": "INT", "limit": "INT"},
        response={"total": "INT"},
        row={
            "receipt_no": "text",
            "procedure_id": "text",
            "dantai_code": "text",
            "received_at": "DATETIME",
            "arrived_at": "DATETIME",
            "size": "INT",
            "sha256": "DIGEST",
        },
        body=("json", "csv"),
    ),
    "get": Shape(request={"receipt_no": "text"}, response={"sha256": "DIGEST"}, body=("binary",)),
    "status_list": Shape(
        request=_WINDOW,
        response={"total": "INT"},
        row={"receipt_no": "text", "status": "CODE"},
        body=("json", "csv"),
    ),
    "status_update": Shape(
        request={"receipt_no": "text", "status": "CODE"}, response={"status": "CODE"}, body=("json", "none")
    ),
}
OPTIONAL = ("status_update",)
"""Nobody knows whether the real function has it: it is there only under a profile that declares it."""


def bind_download(profile: Profile) -> Bound:
    """The surface ``download``; SpecError when the profile names other items than the code knows."""
    return bind(profile, "download", SHAPES, errors=ERRORS, auth=["bearer-login"], optional=OPTIONAL)


class DownloadService:
    """The download function behind HTTP."""

    system = "download"

    def __init__(
        self,
        bound: Bound,
        store: DownloadStore,
        faults: FaultBox,
        door: Door,
        folder: Path,
        answered: Callable[[int, str, str], None],
    ) -> None:
        """``folder``: for answers that are too big to be held. ``answered``: told number, 受付番号
        and peer of a call while a fault is armed that begins by itself (`FaultBox.answered`).
        """
        self._bound, self._store, self._faults, self._door = bound, store, faults, door
        self._folder, self._answered = folder, answered

    async def handle(self, request: Request) -> Answer:
        name, path_values, path_known = find(self._bound, request)
        operation = name or ""
        struck: list[str] = []
        receipt_no = self._receipt_of(operation, request, path_values) if self._faults.armed else ""
        faults = self._faults.about(receipt_no)
        answer = await before(self._bound, faults, operation, struck) or self._turned_away(request)
        if answer is None and name is None:
            answer = no_such_call(self._bound, path_known=path_known)
        if answer is None:
            answer = await self._operate(operation, request, path_values, faults, struck)
            answer = after(self._bound, faults, operation, answer, struck)
        answer = replace(answer, operation=operation, faults=tuple(struck))
        return self._with_an_eye_on_it(answer, receipt_no, request.peer) if self._faults.watches else answer

    def _receipt_of(self, operation: str, request: Request, path_values: dict[str, str]) -> str:
        """受付番号 that a call for one application names; "" for every other call."""
        plan = self._bound.surface.operations.get(operation)
        if plan is None or "receipt_no" not in plan.request:
            return ""
        try:
            asked = read_request(self._bound, self._bound.operation(operation), request, path_values)
        except MalformedError:
            return ""
        return str(asked["receipt_no"] or "")

    def _with_an_eye_on_it(self, answer: Answer, receipt_no: str, peer: str) -> Answer:
        """While a fault has yet to begin: what was delivered is told, and no connection outlives a change of certificate."""
        if self._faults.waits("tls"):
            answer = replace(answer, headers=(*answer.headers, ("Connection", "close")))
        whole = answer.operation == "get" and answer.status < 300 and answer.send == "whole" and not answer.faults
        return replace(answer, when_sent=lambda seq: self._answered(seq, receipt_no if whole else "", peer))

    def _turned_away(self, request: Request) -> Answer | None:
        """The answer by rule: 保守時間帯, or too many calls in a minute; both say when to come back."""
        door = self._door
        if (until := door.closed_until()) is not None:
            name, wait = "maintenance", door.seconds_until(until)
        else:
            caller = request.header(self._bound.surface.auth_header) or request.peer.rpartition(":")[0]
            name, wait = "too_many", door.wait_seconds(caller)
        if not wait:
            return None
        answer = Answer(503) if is_silent(self._bound, name) else error_answer(self._bound, name)
        return replace(answer, headers=(*answer.headers, ("Retry-After", str(wait))))

    async def _operate(
        self, operation: str, request: Request, path_values: dict[str, str], faults: FaultBox, struck: list[str]
    ) -> Answer:
        try:
            token = None
            if operation != "login":
                token = authorise(self._bound, self._store, faults, request, operation, struck)
            try:
                asked = read_request(self._bound, self._bound.operation(operation), request, path_values)
            except MalformedError:
                raise BadRequestError from None
            return await OPERATIONS[operation](
                Call(self._bound, self._store, faults, self._folder, asked, token, struck)
            )
        except DownloadError as error:
            return error_answer(self._bound, error.name)
