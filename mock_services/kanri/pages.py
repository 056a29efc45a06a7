"""The staff's screen: sign-in with the town's account, list, 処理状況 by hand, manual download of a package.

公開: staff register on this screen what the resident sees, and it stays as it is until they do. 仮定: its layout.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from interface_spec.procedures import load_procedures
from interface_spec.profile import Profile
from mock_services.download.errors import DownloadError
from mock_services.download.models import DownloadStore
from mock_services.download.packages import ready
from mock_services.download.shelf import Application, Matches
from mock_services.wiring import JST

_COOKIE = "town"
_PAGE = 100
_SEARCHED = 5000
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class _SignInFirst(Exception):
    pass


class Screen:
    """State-free helper of the pages; everything lives in the download function's store."""

    def __init__(self, profile: Profile, applications: DownloadStore, town_names: Mapping[str, str]) -> None:
        self.applications, self._town_names = applications, dict(town_names)
        self.statuses = {name: one.ja for name, one in profile.codes["resident_status"].values.items()}
        self.procedures = {name: one.ja for name, one in load_procedures().items()}
        self._key = hashlib.sha256(b"shinsei-testbed-kanri-cookie").digest()
        folders = [Path(__file__).with_name("templates"), Path(__file__).parents[1] / "portal" / "templates"]
        self._environment = Environment(
            loader=FileSystemLoader(folders), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._environment.filters["jst"] = lambda moment: f"{moment.astimezone(JST):%Y-%m-%d %H:%M}"

    def page(self, name: str, town: str = "", status: int = 200, **values: Any) -> HTMLResponse:
        shared = {
            "town": town,
            "town_name": self._town_names.get(town, f"団体 {town}"),
            "statuses": self.statuses,
            "procedures": self.procedures,
        }
        template = self._environment.get_template(f"{name}.html.j2")
        return HTMLResponse(template.render(**shared, **values), status, headers=_HEADERS)

    def town(self, request: Request) -> str:
        """The 団体コード of whoever is signed in; _SignInFirst for nobody."""
        code, _, mac = request.cookies.get(_COOKIE, "").partition(".")
        if not hmac.compare_digest(mac.encode(), self.mac(code).encode()):
            raise _SignInFirst
        return code

    def mac(self, code: str) -> str:
        return hmac.new(self._key, code.encode(), hashlib.sha256).hexdigest()[:32]


async def _form(request: Request) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}


def _go(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303, headers=_HEADERS)


def kanri_pages(profile: Profile, applications: DownloadStore, town_names: Mapping[str, str]) -> FastAPI:
    """The screen as an application of its own door."""
    screen = Screen(profile, applications, town_names)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    _doors(app, screen)
    _work(app, screen)

    @app.exception_handler(_SignInFirst)
    async def sign_in_first(_: Request, _error: Exception) -> Response:
        return _go("/sign-in")

    @app.exception_handler(DownloadError)
    async def not_ours(_: Request, _error: Exception) -> Response:
        return screen.page("refused", status=404, said="この団体に、その受付番号の申請はありません")

    @app.middleware("http")
    async def same_site_only(request: Request, call_next: Any) -> Response:
        if request.method == "POST" and request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return Response("他のサイトからの送信は受け付けません / cross-site request refused", 403)
        answer: Response = await call_next(request)
        return answer

    return app


def _doors(app: FastAPI, screen: Screen) -> None:
    @app.get("/sign-in")
    async def sign_in() -> Response:
        return screen.page("sign_in_staff", said="")

    @app.post("/sign-in")
    async def signed_in(request: Request) -> Response:
        form = await _form(request)
        code = form.get("dantai_code", "")
        if not screen.applications.knows(code, form.get("account", ""), form.get("secret", "")):
            said = "団体コード・アカウント・パスワードのどれかが違います"
            return screen.page("sign_in_staff", status=401, said=said)
        response = _go("/")
        response.set_cookie(_COOKIE, f"{code}.{screen.mac(code)}", httponly=True, samesite="strict", path="/")
        return response

    @app.post("/sign-out")
    async def sign_out() -> Response:
        response = _go("/sign-in")
        response.delete_cookie(_COOKIE, path="/")
        return response


def _searched(
    everything: Matches, status: str, words: str, procedures: Mapping[str, str]
) -> tuple[list[Application], int | None]:
    """The first page of what fits, newest first, and how many fit (None: only the newest were looked through)."""
    rows: list[Application] = []
    counted = 0
    for number, one in enumerate(everything.newest_first()):
        if number == _SEARCHED:
            return rows, None
        if status in ("", one.status) and words in f"{one.receipt_no} {procedures.get(one.procedure_id)}":
            counted += 1
            if counted <= _PAGE:
                rows.append(one)
            elif not status and not words:
                break
    return rows, counted


def _work(app: FastAPI, screen: Screen) -> None:
    store = screen.applications

    @app.get("/")
    async def listing(request: Request, status: str = "", q: str = "") -> Response:
        town = screen.town(request)
        everything = store.of_town(town)
        rows, counted = _searched(everything, status, q.strip(), screen.procedures)
        total = len(everything) if not (status or q.strip()) else counted
        return screen.page("list", town, rows=rows, total=total, chosen=status, q=q, searched=_SEARCHED)

    @app.get("/applications/{receipt_no}")
    async def one(request: Request, receipt_no: str) -> Response:
        town = screen.town(request)
        return screen.page("one", town, one=store.get(town, receipt_no), said="")

    @app.post("/applications/{receipt_no}/status")
    async def set_status(request: Request, receipt_no: str) -> Response:
        town, form = screen.town(request), await _form(request)
        status, message = form.get("status", ""), form.get("message", "").strip()
        if status not in screen.statuses or len(message) > 1000:
            said = "処理状況を選び、連絡は 1000 文字までで入力してください"
            return screen.page("one", town, 400, one=store.get(town, receipt_no), said=said)
        store.set_status(town, receipt_no, status, message)
        return _go(f"/applications/{receipt_no}")

    @app.get("/applications/{receipt_no}/package")
    async def package(request: Request, receipt_no: str) -> Response:
        found = store.get(screen.town(request), receipt_no).package
        await ready([found])
        headers = _HEADERS | {"Content-Disposition": f'attachment; filename="{found.sha256[:12]}.zip"'}
        if found.path is not None:
            return FileResponse(found.path, media_type="application/zip", headers=headers)
        return Response(found.read(), media_type="application/zip", headers=headers)
