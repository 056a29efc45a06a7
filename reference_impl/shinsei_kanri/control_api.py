"""The reference control interface (`interface_spec.control`) over HTTP, and the words of every refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, OperationalError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from interface_spec import control
from interface_spec.control import (
    ApplicationDetail,
    ApplicationPage,
    Health,
    IdentifyPerson,
    Job,
    Problem,
    ReviewChange,
)
from reference_impl.shinsei_kanri import VERSION, desk, views
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.jobs import Jobs
from reference_impl.shinsei_kanri.scanner import ScannerTrouble
from reference_impl.shinsei_kanri.sending import stored_file
from reference_impl.shinsei_kanri.storage import applications, database, tables
from reference_impl.shinsei_kanri.web import Call, Handler, InvalidError, Number, Operation, as_json, whole

PRODUCT = "reference 申請管理システム"
OFFSET, LIMIT = Number("offset", 0, 0, 2**31), Number("limit", 100, 1, 1000)
T = TypeVar("T")


def operations(engine: Engine, clock: Clock, jobs: Jobs, at: desk.Desk) -> list[Operation]:
    """All of the control interface."""

    def health(_: Call) -> Response:
        try:
            database.ping(engine)
            status = "ok"
        except SQLAlchemyError:
            status = "degraded"
        return as_json(Health(status=status, product=PRODUCT, version=VERSION, now=clock.now()))

    def start(kind: str, _: Call) -> Response:
        return as_json(jobs.start(kind))

    def job(call: Call) -> Response:
        return as_json(found(jobs.get(call.path["job_id"])))

    def list_applications(call: Call) -> Response:
        offset, limit = OFFSET.of(call), LIMIT.of(call)
        with engine.connect() as connection:
            return as_json(views.page(connection, offset, limit))

    def shown(receipt_no: str) -> Response:
        with engine.connect() as connection:
            return as_json(found(views.detail(connection, receipt_no)))

    def application(call: Call) -> Response:
        return shown(call.path["receipt_no"])

    def attachment(call: Call) -> Response:
        receipt_no, seq = call.path["receipt_no"], whole("path.seq", call.path["seq"])
        with engine.connect() as connection:
            file = found(applications.listed_attachment(connection, receipt_no, seq))
        return found(stored_file(engine, tables.attachments, file.media_type, receipt_no=receipt_no, seq=seq))

    def change_review(call: Call) -> Response:
        at.change_review(call.path["receipt_no"], call.model(ReviewChange))
        return shown(call.path["receipt_no"])

    def identify_person(call: Call) -> Response:
        at.identify(call.path["receipt_no"], call.model(IdentifyPerson))
        return shown(call.path["receipt_no"])

    return [
        Operation("GET", control.HEALTH, health, gives=Health, open=True),
        Operation("POST", control.SYNC, partial(start, "sync"), gives=Job),
        Operation("POST", control.IMPORTS, partial(start, "import"), gives=Job),
        Operation("GET", control.JOB, job, gives=Job),
        Operation("GET", control.APPLICATIONS, list_applications, gives=ApplicationPage, query=(OFFSET, LIMIT)),
        Operation("GET", control.APPLICATION, application, gives=ApplicationDetail),
        Operation("GET", control.ATTACHMENT, attachment, numbers=("seq",)),
        Operation("POST", control.REVIEW, change_review, takes=ReviewChange, gives=ApplicationDetail),
        Operation("POST", control.IDENTIFY, identify_person, takes=IdentifyPerson, gives=ApplicationDetail),
    ]


def found(value: T | None) -> T:
    """``value``; 404 when it is None."""
    if value is None:
        raise HTTPException(404, "ありません / not found")
    return value


Words = Callable[[Exception], tuple[int, str, str]]
"""From an error to status, code and message."""


def _other(error: Exception) -> tuple[int, str, str]:
    assert isinstance(error, HTTPException)  # noqa: S101 — the handler of this class
    code = {401: "unauthorized", 404: "not_found", 413: "too_large"}.get(error.status_code, "error")
    return error.status_code, code, str(error.detail)


def _invalid(error: Exception) -> tuple[int, str, str]:
    place = str(error).encode("ascii", "backslashreplace").decode()[:200]
    return 422, "invalid", f"{place}: 値が正しくありません / not a valid value"


ERRORS: Mapping[type[Exception], Words] = {
    desk.RefusedError: lambda error: (409, "refused", str(error)),
    desk.NotFoundError: lambda _: (404, "not_found", "その申請はありません / no such application"),
    ScannerTrouble: lambda error: (503, "scanner", str(error)),
    OperationalError: lambda _: (503, "database", "データベースを使えません / the database is away"),
    # A value that no database can hold (NUL, a number beyond all bounds): nobody has such an application.
    DataError: lambda _: (422, "invalid", "値が正しくありません / not a valid value"),
    InvalidError: _invalid,
    HTTPException: _other,
}


def error_answers(page: Callable[[Request, int, str], Response | None]) -> dict[type[Exception], Handler]:
    """Every error as ``{code, message}``, or as ``page`` shows it; nothing of what was sent is repeated in it."""

    def handler(words: Words) -> Handler:
        async def answer(request: Request, error: Exception) -> Response:
            status, code, message = words(error)
            shown = page(request, status, message) or JSONResponse(
                Problem(code=code, message=message).model_dump(), status
            )
            shown.headers.update(getattr(error, "headers", None) or {})
            return shown

        return answer

    return {kind: handler(words) for kind, words in ERRORS.items()}
