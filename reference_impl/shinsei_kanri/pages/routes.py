"""List, detail and attachments for 担当職員."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from sqlalchemy import Engine, Table
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from interface_spec.control import ApplicationDetail, Handover, Ingestion, Review
from interface_spec.procedures import Procedure
from reference_impl.shinsei_kanri import control_api, form_types, review, views
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.intake import MALWARE
from reference_impl.shinsei_kanri.interface_document import Document, html
from reference_impl.shinsei_kanri.operations import state
from reference_impl.shinsei_kanri.pages.rendering import environment
from reference_impl.shinsei_kanri.pages.staff import PREFIX, Staff
from reference_impl.shinsei_kanri.records import Typed
from reference_impl.shinsei_kanri.sending import stored_file
from reference_impl.shinsei_kanri.storage import applications, reading, tables
from reference_impl.shinsei_kanri.web import Call, Number, whole

PAGE = 50
OFFSET = Number("offset", 0, 0, 2**31)
REMINDERS = 500
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
    found = environment()
    found.globals.update(
        review_names=review.NAMES,
        handover_names=review.HANDOVER_NAMES,
        ingestion_names=INGESTION_NAMES,
        person_states=PERSON_STATES,
        roles=ROLES,
        methods=METHODS,
        genders=GENDERS,
    )
    return found


def as_read(typed: Typed) -> str:
    """A typed value in words, "" for text: staff see what the system understood."""
    if typed.day is not None:
        return f"{typed.day.year}年{typed.day.month}月{typed.day.day}日"
    if typed.number is not None:
        return f"{typed.number:,}"
    return "" if typed.flag is None else "はい" if typed.flag else "いいえ"


def next_reviews(one: ApplicationDetail, procedure: Procedure | None) -> list[Review]:
    """The states that staff may choose now, in the order of `Review`."""
    if one.ingestion is not Ingestion.STORED or one.handover is Handover.DELIVERED:
        return []
    rejectable = procedure is not None and procedure.kind == "申請"
    return [
        to for to in Review if review.transition_allowed(one.review, to) and (rejectable or to is not Review.REJECTED)
    ]


def routes(
    engine: Engine,
    clock: Clock,
    procedures: Mapping[str, Procedure],
    registers: list[str],
    staff: Staff,
    document: Callable[[str], Document],
) -> list[Route]:
    """The staff pages; `actions` holds what their forms do. ``document``: the interface of a core system (LookupError)."""
    rendered = templates()

    def show(name: str, status: int = 200, **values: Any) -> Response:
        return HTMLResponse(rendered.get_template(name).render(**values), status, HEADERS)

    def start(_: Call, __: str) -> Response:
        return RedirectResponse(f"{PREFIX}/applications")

    def listing(call: Call, _: str) -> Response:
        offset = OFFSET.of(call)
        with engine.connect() as connection:
            page = views.page(connection, offset, PAGE)
            stale = [one for one in state.registers(connection, registers, clock.now()) if one.stale]
            reminders = len(state.reminders(connection, REMINDERS))
        return show(
            "list.html", page=page, offset=offset, size=PAGE, procedures=procedures, stale=stale, reminders=reminders
        )

    def untold(_: Call, __: str) -> Response:
        with engine.connect() as connection:
            found = state.reminders(connection, REMINDERS)
        return show("reminders.html", found=found, procedures=procedures)

    def interfaces(_: Call, __: str) -> Response:
        """The documents of 図表22, one a core system."""
        return show("interfaces.html", cores=sorted({one.core_system for one in procedures.values()}))

    def interface(call: Call, _: str) -> Response:
        try:
            return HTMLResponse(html(document(call.path["core_system"])), headers=HEADERS)
        except LookupError:
            raise HTTPException(404, "その基幹の手続を取り込みません / no procedure of this core system") from None

    def detail(call: Call, name: str) -> Response:
        receipt_no = call.path["receipt_no"]
        with engine.connect() as connection:
            row = control_api.found(reading.whole(connection, receipt_no))
            typed = applications.typed_items(connection, receipt_no)
        one = views.of(row)
        procedure = procedures.get(one.procedure_id)
        remarks = [form_types.remark(procedure, item.item_id, item.group, item.value) for item in one.items]
        return show(
            "detail.html",
            one=one,
            procedure=procedure,
            rows=list(zip(one.items, map(as_read, typed), remarks, strict=True)),
            next_reviews=next_reviews(one, procedure),
            may_identify=one.review in review.OPEN and one.ingestion is Ingestion.STORED,
            quarantine_kind=row.quarantine_kind,
            told_at=row.resident_told_at,
            closed=one.review in state.CLOSED,
            token=staff.token(name),
        )

    def original(call: Call, _: str) -> Response:
        """The original ZIP, but never one in which malware was found."""
        receipt_no = call.path["receipt_no"]
        with engine.connect() as connection:
            if control_api.found(applications.header(connection, receipt_no)).quarantine_kind == MALWARE:
                raise HTTPException(409, "マルウェア検査で見つかったものは出せません / found by the malware scanner")
        return file(tables.packages, "application/zip", "filename=package.zip", receipt_no=receipt_no)

    def form_pdf(call: Call, _: str) -> Response:
        receipt_no = call.path["receipt_no"]
        return file(tables.form_pdfs, "application/pdf", "filename=form.pdf", receipt_no=receipt_no)

    def attachment(call: Call, _: str) -> Response:
        receipt_no, seq = call.path["receipt_no"], whole("path.seq", call.path["seq"])
        with engine.connect() as connection:
            one = control_api.found(applications.listed_attachment(connection, receipt_no, seq))
        name = f"filename*=UTF-8''{quote(one.file_name, safe='')}"
        return file(tables.attachments, one.media_type, name, receipt_no=receipt_no, seq=seq)

    def file(table: Table, media_type: str, name: str, **key: Any) -> Response:
        headers = HEADERS | {"Content-Disposition": f"attachment; {name}"}
        return control_api.found(stored_file(engine, table, media_type, headers, **key))

    works: dict[str, Callable[[Call, str], Response]] = {
        "": start,
        "/applications": listing,
        "/reminders": untold,
        "/interface": interfaces,
        "/interface/{core_system}.html": interface,
        "/applications/{receipt_no}": detail,
        "/applications/{receipt_no}/package.zip": original,
        "/applications/{receipt_no}/form.pdf": form_pdf,
        "/applications/{receipt_no}/attachments/{seq}": attachment,
    }
    return [staff.route("GET", path, work) for path, work in works.items()]


def refused(request: Request, status: int, message: str) -> Response | None:
    """An error as a page for staff who look at one; None for everybody else."""
    if not request.url.path.startswith(PREFIX) or "text/html" not in request.headers.get("Accept", ""):
        return None
    japanese, _, english = message.partition(" / ")
    page = templates().get_template("refused.html").render(status=status, japanese=japanese, english=english)
    return HTMLResponse(page, status, HEADERS)
