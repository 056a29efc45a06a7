"""The reference control interface (`interface_spec.control`) over HTTP."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, OperationalError, SQLAlchemyError
from starlette.exceptions import HTTPException as AnyHTTPException

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

PRODUCT = "reference 申請管理システム"
MOST = 1000
T = TypeVar("T")
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "not readable"},
    401: {"model": Problem, "description": "wrong control token"},
    404: {"model": Problem, "description": "not found"},
    409: {"model": Problem, "description": "refused by the rules; nothing changed"},
    422: {"model": Problem, "description": "not a valid request"},
    503: {"model": Problem, "description": "database or scanner away"},
}


def authorised(token: str) -> Callable[[HTTPAuthorizationCredentials | None], Awaitable[None]]:
    """A dependency that lets only bearers of ``token`` pass."""
    scheme = HTTPBearer(auto_error=False)

    async def check(given: HTTPAuthorizationCredentials | None = Depends(scheme)) -> None:
        if given is None or not hmac.compare_digest(given.credentials.encode(), token.encode()):
            raise HTTPException(401, "制御用トークンが正しくありません / wrong control token")

    return check


def router(engine: Engine, clock: Clock, jobs: Jobs, at: desk.Desk, token: str) -> APIRouter:
    """All paths of the control interface."""
    api = APIRouter(tags=["control"], responses=REFUSALS)
    guarded = [Depends(authorised(token))]

    @api.get(control.HEALTH)
    def health() -> Health:
        try:
            database.ping(engine)
            status = "ok"
        except SQLAlchemyError:
            status = "degraded"
        return Health(status=status, product=PRODUCT, version=VERSION, now=clock.now())

    @api.post(control.SYNC, dependencies=guarded)
    def sync() -> Job:
        return jobs.start("sync")

    @api.post(control.IMPORTS, dependencies=guarded)
    def start_import() -> Job:
        return jobs.start("import")

    @api.get(control.JOB, dependencies=guarded)
    def job(job_id: str) -> Job:
        return found(jobs.get(job_id))

    @api.get(control.APPLICATIONS, dependencies=guarded)
    def list_applications(offset: int = Query(0, ge=0), limit: int = Query(100, ge=1, le=MOST)) -> ApplicationPage:
        with engine.connect() as connection:
            return views.page(connection, offset, limit)

    def shown(receipt_no: str) -> Response:
        """The detail as JSON at once: it is one of our own models, which need not be validated again."""
        with engine.connect() as connection:
            detail = found(views.detail(connection, receipt_no))
        return Response(detail.model_dump_json(), media_type="application/json")

    @api.get(control.APPLICATION, dependencies=guarded, response_model=ApplicationDetail)
    def application(receipt_no: str) -> Response:
        return shown(receipt_no)

    @api.get(control.ATTACHMENT, dependencies=guarded)
    def attachment(receipt_no: str, seq: int) -> Response:
        with engine.connect() as connection:
            file = found(applications.listed_attachment(connection, receipt_no, seq))
        sent = stored_file(engine, tables.attachments, file.media_type, receipt_no=receipt_no, seq=seq)
        return found(sent)

    @api.post(control.REVIEW, dependencies=guarded, response_model=ApplicationDetail)
    def change_review(receipt_no: str, wanted: ReviewChange) -> Response:
        at.change_review(receipt_no, wanted)
        return shown(receipt_no)

    @api.post(control.IDENTIFY, dependencies=guarded, response_model=ApplicationDetail)
    def identify_person(receipt_no: str, wanted: IdentifyPerson) -> Response:
        at.identify(receipt_no, wanted)
        return shown(receipt_no)

    return api


def found(value: T | None) -> T:
    """``value``; 404 when it is None."""
    if value is None:
        raise HTTPException(404, "ありません / not found")
    return value


def add_error_answers(app: FastAPI) -> None:
    """Every error as ``{code, message}``; nothing of what was sent is repeated in it."""

    @app.exception_handler(desk.RefusedError)
    def refused(_: Request, error: desk.RefusedError) -> JSONResponse:
        return problem(409, "refused", str(error))

    @app.exception_handler(ScannerTrouble)
    def unscanned(_: Request, error: ScannerTrouble) -> JSONResponse:
        return problem(503, "scanner", str(error))

    @app.exception_handler(OperationalError)
    def away(_: Request, __: OperationalError) -> JSONResponse:
        return problem(503, "database", "データベースを使えません / the database is away")

    @app.exception_handler(DataError)
    def impossible(_: Request, __: DataError) -> JSONResponse:
        """A value that no database can hold (NUL, a number beyond all bounds): nobody has such an application."""
        return problem(422, "invalid", "値が正しくありません / not a valid value")

    @app.exception_handler(desk.NotFoundError)
    def not_found(_: Request, __: desk.NotFoundError) -> JSONResponse:
        return problem(404, "not_found", "その申請はありません / no such application")

    @app.exception_handler(AnyHTTPException)
    def other(_: Request, error: AnyHTTPException) -> JSONResponse:
        code = {401: "unauthorized", 404: "not_found"}.get(error.status_code, "error")
        return problem(error.status_code, code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        place = place.encode("ascii", "backslashreplace").decode()[:200]
        return problem(422, "invalid", f"{place}: 値が正しくありません / not a valid value")


def problem(status: int, code: str, message: str, headers: object = None) -> JSONResponse:
    extra = dict(headers) if isinstance(headers, dict) else None
    return JSONResponse(Problem(code=code, message=message).model_dump(), status, extra)
