"""List, detail and attachments for 担当職員."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Engine

from interface_spec.procedures import Procedure
from reference_impl.shinsei_kanri import control_api, review, views
from reference_impl.shinsei_kanri.storage import applications

PAGE = 50
TEMPLATES = Path(__file__).parent / "templates"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
INGESTION_NAMES = {"stored": "格納済", "quarantined": "隔離"}
PERSON_STATES = {"identified": "特定済", "staff": "要確認", "none": "番号なし（職員判断）"}
ROLES = {"signer": "署名者（申請者）", "subject": "対象者"}
METHODS = {"serial": "シリアル番号", "basic4": "基本4情報", "manual": "職員"}
GENDERS = {"male": "男", "female": "女", "unknown": "不明"}


def templates() -> Environment:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    environment.globals.update(
        review_names=review.NAMES,
        handover_names=review.HANDOVER_NAMES,
        ingestion_names=INGESTION_NAMES,
        person_states=PERSON_STATES,
        roles=ROLES,
        methods=METHODS,
        genders=GENDERS,
    )
    environment.filters["moment"] = lambda value: views.local(value).strftime("%Y-%m-%d %H:%M:%S")
    return environment


def router(engine: Engine, procedures: Mapping[str, Procedure], account: str, password: str) -> APIRouter:
    """The staff pages for one configured account; an empty password opens them to nobody."""
    scheme = HTTPBasic(realm="shinsei-kanri", auto_error=True)

    def staff(given: HTTPBasicCredentials = Depends(scheme)) -> str:
        right = hmac.compare_digest(given.username.encode(), account.encode()) & hmac.compare_digest(
            given.password.encode(), password.encode()
        )
        if not password or not right:
            raise HTTPException(401, "アカウントが正しくありません / wrong account", {"WWW-Authenticate": "Basic"})
        return given.username

    api = APIRouter(prefix="/staff", dependencies=[Depends(staff)], include_in_schema=False)
    environment = templates()

    def show(name: str, **values: Any) -> HTMLResponse:
        return HTMLResponse(environment.get_template(name).render(**values), headers=HEADERS)

    @api.get("")
    def start() -> RedirectResponse:
        return RedirectResponse("/staff/applications")

    @api.get("/applications")
    def listing(offset: int = Query(0, ge=0)) -> HTMLResponse:
        with engine.connect() as connection:
            page = views.page(connection, offset, PAGE)
        return show("list.html", page=page, offset=offset, size=PAGE, procedures=procedures)

    @api.get("/applications/{receipt_no}")
    def detail(receipt_no: str) -> HTMLResponse:
        with engine.connect() as connection:
            one = control_api.found(views.detail(connection, receipt_no))
        return show("detail.html", one=one, procedure=procedures.get(one.procedure_id))

    @api.get("/applications/{receipt_no}/form.pdf")
    def form_pdf(receipt_no: str) -> Response:
        with engine.connect() as connection:
            body = control_api.found(applications.form_pdf(connection, receipt_no))
        kind = "application/pdf"
        return Response(
            body, media_type=kind, headers=HEADERS | {"Content-Disposition": "attachment; filename=form.pdf"}
        )

    @api.get("/applications/{receipt_no}/attachments/{seq}")
    def attachment(receipt_no: str, seq: int) -> Response:
        with engine.connect() as connection:
            file = control_api.found(applications.attachment(connection, receipt_no, seq))
        name = f"attachment; filename*=UTF-8''{quote(file.file_name, safe='')}"
        return Response(file.body, media_type=file.media_type, headers=HEADERS | {"Content-Disposition": name})

    return api
