"""The desk as a page on loopback: the open question as a form, with a place for a picture of the screen.

The address carries a secret word, the host name must be loopback's, nothing is loaded from elsewhere and no script runs.
"""

from __future__ import annotations

import io
import secrets
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from python_multipart import parse_form
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field as FormField
from python_multipart.multipart import File as FormFile

from conformance.adapters.base import Sheet
from conformance.adapters.desk import LARGEST_FILE, Desk, Refusal
from conformance.adapters.questions import Question
from conformance.visible import visible

LARGEST_FORM = 2 * LARGEST_FILE
MOST_FORM_PARTS = 5000
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
NOTE, PICTURE, NUMBER = "note", "picture", "number"


class Page:
    """Serves until it is closed. ``url`` is what the person opens."""

    def __init__(self, desk: Desk, port: int) -> None:
        self._desk = desk
        self._word = secrets.token_urlsafe(18)
        loader = FileSystemLoader(Path(__file__).parent / "templates")
        env = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        env.filters["visible"] = visible
        self._template = env.get_template("desk.html.j2")
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/{self._word}/"

    def announce(self, sheet: Sheet) -> None:
        """The page shows the desk's sheet by itself."""

    def open(self, question: Question, until: datetime) -> None:
        """The page shows the open question by itself."""

    def shut(self) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def render(self, values: dict[str, str] | None = None, wrong: str = "") -> str:
        """The page as it is now, with what was typed and what is wrong with it."""
        waiting = self._desk.open
        rows = []
        if waiting is not None:
            named = list(enumerate(waiting.question.fields))
            rows = [(row, list(fields)) for row, fields in groupby(named, key=lambda one: one[1].row)]
        seconds = max(0, round((waiting.until - datetime.now(UTC)).total_seconds())) if waiting is not None else 0
        return self._template.render(
            sheet=self._desk.sheet, waiting=waiting, rows=rows, values=values or {}, wrong=wrong, seconds=seconds
        )

    def submit(self, form: dict[str, str], files: dict[str, tuple[str, bytes]]) -> tuple[str, dict[str, str]]:
        """Hands a posted form to the desk: ("", {}) when it was taken, else what is wrong and what had been typed."""
        waiting = self._desk.open
        if waiting is None or form.get(NUMBER) != str(waiting.number):
            return "この質問はもう答えられています / this question has been answered", {}
        names = {f"f{index}": one.name for index, one in enumerate(waiting.question.fields)}
        typed = {names[key]: value.replace("\r\n", "\n") for key, value in form.items() if key in names}
        handed = {names[key]: given for key, given in files.items() if key in names}
        pictures = [given for key, given in files.items() if key == PICTURE]
        try:
            self._desk.take(waiting.number, typed, handed, pictures, source="page", note=form.get(NOTE, ""))
        except Refusal as error:
            return str(error), typed
        return "", {}

    def _handler(page: Page) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler's own self is another
        class Handler(BaseHTTPRequestHandler):
            timeout = 60

            def allowed(self) -> bool:
                host = self.headers.get("Host", "")
                port = page._server.server_address[1]
                right_host = host in (f"127.0.0.1:{port}", f"localhost:{port}")
                if right_host and secrets.compare_digest(self.path.encode(), f"/{page._word}/".encode()):
                    return True
                self.answer(404, "404")
                return False

            def do_GET(self) -> None:
                if self.allowed():
                    self.answer(200, page.render())

            def do_POST(self) -> None:
                if not self.allowed():
                    return
                length = self.headers.get("Content-Length", "")
                if not length.isdigit() or int(length) > LARGEST_FORM:
                    self.close_connection = True
                    self.answer(413, "413")
                    return
                try:
                    form, files = read_form(self.headers.get("Content-Type", ""), self.rfile.read(int(length)))
                except (FormParserError, ValueError):
                    self.answer(400, "400")
                    return
                wrong, typed = page.submit(form, files)
                if wrong:
                    self.answer(409, page.render(typed, wrong))
                else:
                    self.send_response(303)
                    self.send_header("Location", f"/{page._word}/")
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def answer(self, status: int, text: str) -> None:
                data = text.encode("utf-8", "replace")
                self.send_response(status)
                for name, value in HEADERS.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *words: object) -> None:
                """Silent: the terminal belongs to the run."""

        return Handler


def read_form(content_type: str, data: bytes) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
    """The fields and the files of a posted form; an empty file field is none. ValueError when it has too many parts."""
    form: dict[str, str] = {}
    files: dict[str, tuple[str, bytes]] = {}

    def on_field(one: FormField) -> None:
        if len(form) >= MOST_FORM_PARTS:
            raise ValueError("too many parts")
        form[(one.field_name or b"").decode("utf-8", "replace")] = (one.value or b"").decode("utf-8", "replace")

    def on_file(one: FormFile) -> None:
        one.file_object.seek(0)
        content = one.file_object.read()
        one.close()
        if len(files) >= MOST_FORM_PARTS:
            raise ValueError("too many parts")
        name = (one.file_name or b"").decode("utf-8", "replace")
        if name or content:
            files[(one.field_name or b"").decode("utf-8", "replace")] = (name, content)

    parse_form(
        {"Content-Type": content_type.encode(), "Content-Length": str(len(data)).encode()},
        io.BytesIO(data),
        on_field,
        on_file,
    )
    return form, files
