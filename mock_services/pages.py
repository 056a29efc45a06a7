"""What every screen for people shares: templates, headers, form fields, a signed cookie, no sending from other sites."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mock_services.wiring import JST

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Pages:
    """Pages from the templates of ``folders`` (the first that has one); ``time_form``: how the filter ``jst`` writes."""

    def __init__(self, *folders: Path, time_form: str) -> None:
        def jst(moment: datetime) -> str:
            return moment.astimezone(JST).strftime(time_form)

        self._environment = Environment(
            loader=FileSystemLoader(folders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["jst"] = jst

    def page(self, name: str, status: int, values: Mapping[str, Any]) -> HTMLResponse:
        html = self._environment.get_template(f"{name}.html.j2").render(**values)
        return HTMLResponse(html, status, headers=dict(HEADERS))


class SignedCookie:
    """Who is signed in, as a cookie that nobody else can make (for tests: the key follows from ``purpose``)."""

    def __init__(self, name: str, purpose: str) -> None:
        self._name, self._key = name, hashlib.sha256(f"shinsei-testbed-{purpose}".encode()).digest()

    def read(self, request: Request) -> str | None:
        """The value; None when there is none of ours."""
        value, _, mac = request.cookies.get(self._name, "").partition(".")
        return value if hmac.compare_digest(mac.encode(), self._mac(value).encode()) else None

    def write(self, response: Response, value: str) -> Response:
        signed = f"{value}.{self._mac(value)}"
        response.set_cookie(self._name, signed, httponly=True, samesite="strict", path="/")
        return response

    def drop(self, response: Response) -> Response:
        response.delete_cookie(self._name, path="/")
        return response

    def _mac(self, value: str) -> str:
        return hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()[:32]


def new_app(title: str) -> FastAPI:
    """An application of pages; it is described by the control API, not at its own door."""
    app = FastAPI(
        title=title, version="1", openapi_url=None, docs_url=None, redoc_url=None, default_response_class=HTMLResponse
    )
    same_site_only(app)
    return app


def form_fields(*names: str, file: str = "") -> dict[str, Any]:
    """OpenAPI of a call that takes a form with these fields (``file``: the one that takes a file)."""
    fields: dict[str, Any] = {name: {"type": "string"} for name in names}
    if file:
        fields[file] = {"type": "string", "format": "binary"}
    kind = "multipart/form-data" if file else "application/x-www-form-urlencoded"
    return {"requestBody": {"content": {kind: {"schema": {"type": "object", "properties": fields}}}}}


async def form_of(request: Request) -> dict[str, str]:
    """The text fields of the form that was sent; of a field that stands twice the last."""
    return {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}


def go(path: str) -> RedirectResponse:
    """To another page of this site, after a form was sent."""
    return RedirectResponse(path, 303, headers=dict(HEADERS))


def same_site_only(app: FastAPI) -> None:
    """Refuse forms that another site lets a browser send."""

    @app.middleware("http")
    async def refuse_crossing(request: Request, call_next: Any) -> Response:
        crossing = request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none")
        if request.method == "POST" and crossing:
            return Response("他のサイトからの送信は受け付けません / cross-site request refused", 403)
        answer: Response = await call_next(request)
        return answer
