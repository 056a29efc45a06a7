"""A product's hand-over surface with canned answers, for the tests of the core system as a client."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FakeProduct:
    """``answers``: "METHOD target" → (status, headers, body). ``calls`` keeps what came: (line, key, body)."""

    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    calls: list[tuple[str, str, bytes]] = field(default_factory=list)
    url: str = ""
    wait: float = 0
    """Seconds before an answer about one application."""

    def json(self, line: str, content: object, status: int = 200) -> None:
        self.answers[line] = (status, {"Content-Type": "application/json"}, json.dumps(content).encode())

    def data(self, line: str, body: bytes) -> None:
        self.answers[line] = (200, {"Content-Type": "application/octet-stream"}, body)


@contextmanager
def fake_product() -> Iterator[FakeProduct]:
    product = FakeProduct()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            line = f"{self.command} {self.path}"
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            time.sleep(product.wait if "/applications/" in line else 0)
            product.calls.append((line, self.headers.get("X-Api-Key") or "", body))
            status, headers, content = product.answers.get(line, (404, {}, b'{"code":"SK0404","message":"x"}'))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):  # the caller has given up
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    product.url = "http://{}:{}".format(*server.server_address)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield product
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
