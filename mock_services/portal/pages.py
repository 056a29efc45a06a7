"""The resident's screens: search, sign-in with a test card, form, attachments, signature, receipt, status.

Plain HTML from templates, no script. Everything a resident does goes through the same store as the API.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import UploadFile

from mock_services.download.models import DownloadStore
from mock_services.pages import Pages, SignedCookie, form_fields, form_of, go, new_app
from mock_services.portal import hikkoshi, screen_forms
from mock_services.portal.errors import (
    BadItemsError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PortalError,
    RefusedTypeError,
    TooLargeError,
)
from mock_services.portal.forms import check
from mock_services.portal.models import FORM_VERSION, Draft, File, NewDraft, PortalStore, Proofs
from mock_services.portal.people import Person

_COOKIE = SignedCookie("resident", "portal-cookie")
_SAY = {
    RefusedTypeError: "この種類のファイルは添付できません",
    TooLargeError: "ファイルが大きすぎます",
    BadRequestError: "ファイル名に使えない文字があります",
    ConflictError: "すでに送信された申請です",
}
_YES_NO = {"1": "はい", "0": "いいえ", "": "いいえ"}
STATUS_JA = {
    "processing": "処理中",
    "correction": "要訂正",
    "completed": "完了",
    "rejected": "却下",
    "withdrawn": "取下げ",
}


class Screens:
    """Everything that the pages share."""

    def __init__(self, store: PortalStore, applications: DownloadStore, town_names: Mapping[str, str]) -> None:
        self.store, self.applications = store, applications
        self._town_names = dict(town_names)
        self._pages = Pages(Path(__file__).with_name("templates"), time_form="%Y年%m月%d日 %H:%M:%S")

    def town(self, dantai_code: str) -> str:
        return self._town_names.get(dantai_code, f"団体 {dantai_code}")

    def towns(self) -> list[tuple[str, str]]:
        return [(code, self.town(code)) for code in self.store.rules.towns]

    def page(self, name: str, request: Request, status: int = 200, **values: Any) -> HTMLResponse:
        shared = {"person": self.person(request), "towns": self.towns(), "town": self.town, "status_ja": STATUS_JA}
        return self._pages.page(name, status, shared | values)

    # ── who is signed in ──────────────────────────────────────────────────
    def person(self, request: Request) -> Person | None:
        """Whoever signed in among these very people: of others the number would be somebody else's."""
        number, _, people = (_COOKIE.read(request) or "").partition("-")
        return self.store.people.persons[int(number)] if people == self.store.people.mark else None

    def resident(self, request: Request) -> Person:
        person = self.person(request)
        if person is None:
            raise _SignInFirst(request.url.path)
        return person

    def draft(self, request: Request, draft_id: str) -> Draft:
        return self.store.draft(_owner(self.resident(request)), draft_id)


class _SignInFirst(Exception):
    def __init__(self, back_to: str) -> None:
        self.back_to = back_to
        super().__init__()


def _owner(person: Person) -> str:
    return f"resident/{person.number}"


def _local(path: str) -> str:
    """Only a path of this very site."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def portal_pages(store: PortalStore, applications: DownloadStore, town_names: Mapping[str, str]) -> FastAPI:
    """The screens as an application of their own door."""
    screens = Screens(store, applications, town_names)
    app = new_app("ぴったりサービス 住民の画面 / the resident's screens")
    _search(app, screens)
    _apply(app, screens)
    _send(app, screens)

    @app.exception_handler(_SignInFirst)
    async def sign_in_first(_: Request, error: _SignInFirst) -> Response:
        return go(f"/sign-in?next={error.back_to}")

    @app.exception_handler(PortalError)
    async def refused(request: Request, error: PortalError) -> Response:
        status = 404 if isinstance(error, NotFoundError) else 409 if isinstance(error, ConflictError) else 400
        said = "お探しのページはありません" if status == 404 else _SAY.get(type(error), "受け付けられません")
        return screens.page("problem", request, status, said=said)

    @app.exception_handler(404)
    async def nowhere(request: Request, _: Exception) -> Response:
        return screens.page("problem", request, 404, said="お探しのページはありません")

    return app


def _search(app: FastAPI, screens: Screens) -> None:
    @app.get("/", summary="手続をさがす（団体と言葉） / search for a procedure")
    async def search(request: Request, town: str = "", q: str = "") -> Response:
        chosen = town if town in screens.store.rules.towns else screens.store.rules.towns[0]
        found = [
            one for one in screens.store.offered(chosen) if q.strip() in f"{one.ja} {one.en} {one.field} {one.ministry}"
        ]
        by_field: dict[str, list[Any]] = {}
        for one in found:
            by_field.setdefault(one.field, []).append(one)
        return screens.page("search", request, chosen=chosen, q=q, by_field=by_field, count=len(found))

    @app.get("/sign-in", summary="試験用の住民を選ぶ / choose a test resident")
    async def sign_in(request: Request, next: str = "/") -> Response:  # noqa: A002 - the word in the address
        return screens.page("sign_in", request, persons=screens.store.people.persons, next=_local(next))

    @app.post(
        "/sign-in",
        summary="その住民としてログインする / sign in as that resident",
        openapi_extra=form_fields("number", "next"),
    )
    async def signed_in(request: Request) -> Response:
        form = await form_of(request)
        number = form.get("number", "")
        persons = screens.store.people.persons
        if not (number.isascii() and number.isdigit() and int(number) < len(persons)):
            return screens.page("problem", request, 400, said="試験用の住民を選んでください")
        return _COOKIE.write(go(_local(form.get("next", "/"))), f"{int(number)}-{screens.store.people.mark}")

    @app.post("/sign-out", summary="ログアウト / sign out")
    async def sign_out() -> Response:
        return _COOKIE.drop(go("/"))


def _apply(app: FastAPI, screens: Screens) -> None:
    def draw(request: Request, dantai_code: str, procedure_id: str, **values: Any) -> HTMLResponse:
        procedure = screens.store.procedure(dantai_code, procedure_id)
        return screens.page("form", request, dantai_code=dantai_code, procedure=procedure, **values)

    @app.get("/apply/{dantai_code}/{procedure_id}", summary="手続の入力画面 / form of a procedure")
    async def empty_form(request: Request, dantai_code: str, procedure_id: str) -> Response:
        procedure = screens.store.procedure(dantai_code, procedure_id)
        form = screen_forms.known_values(procedure, screens.resident(request))
        shown = screen_forms.counts(procedure, form)
        drawn = screen_forms.blocks(procedure, form, shown, ())
        return draw(request, dantai_code, procedure_id, blocks=drawn, shown=shown, problems=[], kind="self")

    @app.post(
        "/apply/{dantai_code}/{procedure_id}",
        summary="入力を確かめて下書きにする（欄の名前は様式の項目） / check what was typed; fields as in the form",
        openapi_extra=form_fields("applicant_kind", "action"),
    )
    async def filled_form(request: Request, dantai_code: str, procedure_id: str) -> Response:
        form = await form_of(request)
        person = screens.resident(request)
        procedure = screens.store.procedure(dantai_code, procedure_id)
        kind = "agent" if form.get("applicant_kind") == "agent" else "self"
        action = form.get("action", "check")
        shown = screen_forms.changed_counts(procedure, form, action)
        typed = screen_forms.typed(procedure, form, shown)
        problems = check(procedure, typed) if action == "check" else []
        if action != "check" or problems:
            drawn = screen_forms.blocks(procedure, form, shown, problems)
            names = [(_anchor(procedure, one.item_id, one.occurrence), one.ja) for one in problems]
            values = {"blocks": drawn, "shown": shown, "problems": names, "kind": kind}
            return draw(request, dantai_code, procedure_id, **values)
        key = hashlib.sha256(repr((procedure_id, dantai_code, kind, typed)).encode()).hexdigest()
        new = NewDraft(procedure_id, dantai_code, kind, FORM_VERSION, key, typed)
        try:
            draft = screens.store.create(_owner(person), new)
            if draft.receipt_no:  # sent before with the very same words: that is a new application
                again = replace(new, idempotency_key=f"{key}/{draft.receipt_no}")
                draft = screens.store.create(_owner(person), again)
        except BadItemsError as error:
            return screens.page("problem", request, 422, said="。".join(error.problems))
        return go(f"/drafts/{draft.draft_id}")


def _anchor(procedure: Any, item_id: str, occurrence: int) -> str:
    spec = next((one for one in procedure.items if one.id == item_id), None)
    return screen_forms.field_name(spec, occurrence) if spec is not None else "main"


def _send(app: FastAPI, screens: Screens) -> None:
    def draw(request: Request, draft: Draft, said: str = "", status: int = 200) -> HTMLResponse:
        others = [one for one in screens.towns() if one[0] != draft.dantai_code]
        moving = draft.procedure.id == hikkoshi.TENSHUTSU and bool(others)
        flags = {one.id for one in draft.procedure.items if one.type == "flag"}
        values = {"draft": draft, "said": said, "others": others, "moving": moving, "flags": flags, "yes_no": _YES_NO}
        return screens.page("draft", request, status, **values)

    @app.get("/drafts/{draft_id}", summary="下書きの確認 / look over a draft")
    async def show_draft(request: Request, draft_id: str) -> Response:
        draft = screens.draft(request, draft_id)
        return go(f"/receipts/{draft.receipt_no}") if draft.receipt_no else draw(request, draft)

    @app.post(
        "/drafts/{draft_id}/files",
        summary="書類を添付する / attach a file",
        openapi_extra=form_fields("label", file="file"),
    )
    async def add_file(request: Request, draft_id: str) -> Response:
        draft = screens.draft(request, draft_id)
        async with request.form(max_files=1, max_fields=10) as form:
            upload, label = form.get("file"), form.get("label")
            if not isinstance(upload, UploadFile) or not upload.filename or not isinstance(label, str):
                return draw(request, draft, "ファイルを選んでください", 400)
            data, file_name = await upload.read(screens.store.rules.package_bytes + 1), upload.filename
        name = file_name.replace("\\", "/").rpartition("/")[2]
        try:
            screens.store.attach(draft, File(len(draft.files) + 1, label[:100], name, data))
        except (RefusedTypeError, TooLargeError, BadRequestError) as error:
            return draw(request, draft, _SAY[type(error)], 400)
        return go(f"/drafts/{draft_id}")

    @app.post(
        "/drafts/{draft_id}/submit",
        summary="署名して送信する（転出届は転入予約も） / sign and send, a 転出届 with 転入予約",
        openapi_extra=form_fields("sign", "new_town", "visit_date", "visit_time"),
    )
    async def submit(request: Request, draft_id: str) -> Response:
        person, draft = screens.resident(request), screens.draft(request, draft_id)
        form = await form_of(request)
        signs = form.get("sign") == "1"
        proofs = Proofs(person, person) if signs and draft.procedure.signing != "none" else Proofs()
        try:
            second = _reservation(screens, draft, form, _owner(person))
            done = screens.store.submit(draft, proofs, origin="portal")
            if second is not None:
                also = screens.store.submit(second, proofs, origin="portal")
                return go(f"/receipts/{done.receipt_no}?also={also.receipt_no}")
        except BadItemsError as error:
            return draw(request, draft, "。".join(error.problems), 422)
        return go(f"/receipts/{done.receipt_no}")

    @app.get("/receipts", summary="送信した申請 / what was sent")
    async def receipts(request: Request) -> Response:
        found = screens.store.receipts(_owner(screens.resident(request)))
        rows = [(one, screens.applications.peek(one.receipt_no)) for one in found]
        return screens.page("receipts", request, rows=rows)

    @app.get("/receipts/{receipt_no}", summary="受付番号と処理状況 / receipt and status")
    async def receipt(request: Request, receipt_no: str, also: str = "") -> Response:
        owner = _owner(screens.resident(request))
        done = screens.store.receipt(owner, receipt_no)
        second = screens.store.receipt(owner, also) if also else done.pair
        state = screens.applications.peek(receipt_no)
        return screens.page("receipt", request, done=done, also=second, state=state)


def _reservation(screens: Screens, draft: Draft, form: Mapping[str, str], owner: str) -> Draft | None:
    """The draft of 転入予約 at the other town, when a 転出届 asks for one. BadItemsError when it cannot be made."""
    town = form.get("new_town", "")
    if draft.procedure.id != hikkoshi.TENSHUTSU or not town:
        return None
    typed = hikkoshi.reservation(draft.items, form.get("visit_date", ""), form.get("visit_time", "指定なし"))
    key = f"{draft.draft_id}/{hashlib.sha256(repr((town, typed)).encode()).hexdigest()[:16]}"
    new = NewDraft(hikkoshi.YOYAKU, town, draft.applicant_kind, FORM_VERSION, key, typed)
    if town == draft.dantai_code:
        raise BadItemsError(["転入先には、転出元と違う団体を選んでください"])
    return screens.store.create(owner, new)
