"""The staff's screen: sign-in with the town's account, list, 処理状況 by hand, manual download of a package."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.responses import Response

from interface_spec.profile import Profile
from mock_services.download.errors import DownloadError
from mock_services.download.models import DownloadStore
from mock_services.kanri.errors import BadSignInError, BadStatusError, SignInFirstError
from mock_services.kanri.models import Staff
from mock_services.kanri.responses import SAID_SIGN_IN, SAID_STATUS, StaffPages, package_file
from mock_services.pages import SignedCookie, form_fields, form_of, go, new_app

_COOKIE = SignedCookie("town", "kanri-cookie")


def kanri_pages(profile: Profile, applications: DownloadStore, town_names: Mapping[str, str]) -> FastAPI:
    """The screen as an application of its own door."""
    staff = Staff(profile, applications, town_names)
    pages = StaffPages(staff)
    app = new_app("マイナポータル申請管理 職員の画面 / the staff's screen")
    _doors(app, staff, pages)
    _work(app, staff, pages)

    @app.exception_handler(SignInFirstError)
    async def sign_in_first(_: Request, _error: Exception) -> Response:
        return go("/sign-in")

    @app.exception_handler(DownloadError)
    async def not_ours(_: Request, _error: Exception) -> Response:
        return pages.not_ours()

    return app


def _doors(app: FastAPI, staff: Staff, pages: StaffPages) -> None:
    @app.get("/sign-in", summary="職員のログイン / sign-in of staff")
    async def sign_in() -> Response:
        return pages.sign_in()

    @app.post(
        "/sign-in",
        summary="団体コード・アカウント・パスワードでログインする（ダウンロード機能と同じ） / sign in with the account of the download function",
        openapi_extra=form_fields("dantai_code", "account", "secret"),
    )
    async def signed_in(request: Request) -> Response:
        form = await form_of(request)
        code = form.get("dantai_code", "")
        try:
            staff.sign_in(code, form.get("account", ""), form.get("secret", ""))
        except BadSignInError:
            return pages.sign_in(SAID_SIGN_IN)
        return _COOKIE.write(go("/"), code)

    @app.post("/sign-out", summary="ログアウト / sign out")
    async def sign_out() -> Response:
        return _COOKIE.drop(go("/sign-in"))


def _work(app: FastAPI, staff: Staff, pages: StaffPages) -> None:
    def _town(request: Request) -> str:
        """The 団体コード of whoever is signed in; SignInFirstError for nobody, and for a town that has no account any more."""
        code = _COOKIE.read(request)
        if code is None or not staff.has_town(code):
            raise SignInFirstError
        return code

    @app.get("/", summary="申請の一覧（新しい順、処理状況と言葉で絞る） / applications, newest first")
    async def listing(request: Request, status: str = "", q: str = "") -> Response:
        town = _town(request)
        return pages.listing(town, await staff.search(town, status, q.strip()), status, q)

    @app.get("/applications/{receipt_no}", summary="申請1件 / one application")
    async def one(request: Request, receipt_no: str) -> Response:
        return pages.one(_town(request), receipt_no)

    @app.post(
        "/applications/{receipt_no}/status",
        summary="処理状況と連絡を登録する / register what the resident sees",
        openapi_extra=form_fields("status", "message"),
    )
    async def set_status(request: Request, receipt_no: str) -> Response:
        town, form = _town(request), await form_of(request)
        try:
            staff.register(town, receipt_no, form.get("status", ""), form.get("message", "").strip())
        except BadStatusError:
            return pages.one(town, receipt_no, SAID_STATUS)
        return go(f"/applications/{receipt_no}")

    @app.get("/applications/{receipt_no}/package", summary="申請ZIPを手で受け取る / download the package by hand")
    async def package(request: Request, receipt_no: str) -> Response:
        return await package_file(staff.package(_town(request), receipt_no))
