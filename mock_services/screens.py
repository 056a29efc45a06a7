"""A screen (pages for people) as a service of the world, so that recorder and disturbances reach it as any other surface."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mock_services.asgi import MAX_REQUEST_BODY, ServiceApp
from mock_services.disturb import DisturbedScreen
from mock_services.download.packages import Spool
from mock_services.faults import FaultBox, Reach
from mock_services.http import Answer, BigBody, Request
from mock_services.recorder import Recorder

PAGE = "page"
"""The one operation of a screen: whatever a person opens or sends."""


class ScreenService:
    """An ASGI application behind `handle`; what is big of its answers lies in ``folder``."""

    def __init__(self, system: str, app: Any, folder: Path) -> None:
        self.system, self._app, self._folder = system, app, folder

    async def handle(self, request: Request) -> Answer:
        host, _, port = request.peer.rpartition(":")
        path, _, query = request.target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers],
            "client": (host, int(port or 0)),
            "server": None,
            "state": {},
        }
        if request.body_cut:
            return Answer(413, (("Content-Type", "text/plain; charset=utf-8"),), "本文が長すぎます / too long".encode())
        waiting = [{"type": "http.request", "body": request.body, "more_body": False}]
        spool = Spool(self._folder)
        start: dict[str, Any] = {"status": 500, "headers": []}

        async def receive() -> dict[str, Any]:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                spool.write(message.get("body", b""))

        try:
            await self._app(scope, receive, send)
            body = spool.done()
        finally:
            spool.drop()
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in start["headers"]
            if name.lower() not in (b"content-length", b"date")
        )
        if body.path is not None:
            return Answer(start["status"], headers, file=BigBody(body.path, body.size, body.sha256))
        return Answer(start["status"], headers, body.read())


def screen_box(system: str, *, hands_out_zips: bool = False) -> FaultBox:
    """What can be armed on a screen."""
    return FaultBox(Reach(system, (PAGE,), zips=(PAGE,) if hands_out_zips else ()))


def screen_app(
    system: str, app: Any, box: FaultBox, recorder: Recorder, folder: Path, max_body: int = MAX_REQUEST_BODY
) -> ServiceApp:
    """The screen with recorder, disturbances and log, as the listener wants it."""
    service = ScreenService(system, app, folder)
    return ServiceApp(DisturbedScreen(service, box, PAGE), recorder, max_body, openapi=app.openapi)
