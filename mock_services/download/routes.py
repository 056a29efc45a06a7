"""ダウンロード機能: which call is which operation, and the order in which it is judged.

Disturbances first, then path and method, then the token, then what is asked: nothing is looked at for a stranger.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

from interface_spec.profile import Profile
from mock_services.download.errors import ERRORS, BadRequestError, DownloadError, MaintenanceError, TooManyError
from mock_services.download.models import DownloadStore
from mock_services.download.responses import OPERATIONS, Call, altered, authorise
from mock_services.faults import (
    ErrorWithoutJsonParams,
    FaultBox,
    LatencyParams,
    TooManyParams,
    TruncateParams,
    WrongDigestParams,
)
from mock_services.http import Answer, MalformedError, Request
from mock_services.surface import Bound, Shape, bind, error_answer, find, no_such_call, read_request

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

    def __init__(self, bound: Bound, store: DownloadStore, faults: FaultBox) -> None:
        self._bound, self._store, self._faults = bound, store, faults

    async def handle(self, request: Request) -> Answer:
        name, path_values, path_known = find(self._bound, request)
        operation = name or ""
        struck: list[str] = []
        latency = self._faults.take("latency", operation, struck)
        if latency is not None:
            await asyncio.sleep(cast(LatencyParams, latency.params).ms / 1000)
        answer = self._before(operation, struck)
        if answer is None and name is None:
            answer = no_such_call(self._bound, path_known=path_known)
        if answer is None:
            answer = self._operate(operation, request, path_values, struck)
            answer = self._after(operation, answer, struck)
        return replace(answer, operation=operation, faults=tuple(struck))

    def _before(self, operation: str, struck: list[str]) -> Answer | None:
        """The disturbance that answers in the operation's place, if one strikes."""
        if self._faults.take("reset", operation, struck) is not None:
            return Answer(0, send="none")
        if self._faults.take("maintenance", operation, struck) is not None:
            return error_answer(self._bound, MaintenanceError.name)
        if (armed := self._faults.take("too-many", operation, struck)) is not None:
            seconds = cast(TooManyParams, armed.params).retry_after
            return error_answer(self._bound, TooManyError.name, (("Retry-After", str(seconds)),))
        if (armed := self._faults.take("error-without-json", operation, struck)) is not None:
            status = cast(ErrorWithoutJsonParams, armed.params).status
            page = f"<html><head><title>{status}</title></head><body>Gateway error</body></html>"
            return Answer(status, (("Content-Type", "text/html; charset=utf-8"),), page.encode())
        return None

    def _operate(self, operation: str, request: Request, path_values: dict[str, str], struck: list[str]) -> Answer:
        try:
            token = None
            if operation != "login":
                token = authorise(self._bound, self._store, self._faults, request, operation, struck)
            try:
                asked = read_request(self._bound, self._bound.operation(operation), request, path_values)
            except MalformedError:
                raise BadRequestError from None
            return OPERATIONS[operation](Call(self._bound, self._store, self._faults, asked, token, struck))
        except DownloadError as error:
            return error_answer(self._bound, error.name)

    def _after(self, operation: str, answer: Answer, struck: list[str]) -> Answer:
        """The answer, spoilt on its way out; only a good answer can be."""
        if answer.status != self._bound.operation(operation).status:
            return answer
        if (armed := self._faults.take("wrong-digest", operation, struck)) is not None:
            answer = altered(answer, cast(WrongDigestParams, armed.params).change)
        armed = self._faults.peek("truncate", operation)
        if armed is not None and (cut_at := cast(TruncateParams, armed.params).bytes) < len(answer.body):
            self._faults.take("truncate", operation, struck)
            answer = replace(answer, send="cut", cut_at=cut_at)
        return answer
