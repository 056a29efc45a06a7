"""What passed between harness and product, for the evidence: redacted, large bodies by digest."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import httpx

from conformance.engine.secrets import Redactor
from conformance.record import Exchange


class AdapterTape:
    """Exchanges with the product, numbered below zero so that they never meet the world's numbers."""

    def __init__(self, redact: Redactor) -> None:
        self._redact = redact
        self.exchanges: list[Exchange] = []

    def take(self, request: httpx.Request, response: httpx.Response, data: bytes) -> int:
        """Keeps one exchange; returns its number."""
        body = request.content
        return self._keep(
            peer=request.url.netloc.decode(),
            method=request.method,
            target=request.url.raw_path.decode(),
            request_headers=dict(request.headers),
            body=body,
            status=response.status_code,
            response_headers=dict(response.headers),
            data=data,
        )

    def note(self, words: list[str], body: bytes, code: int, data: bytes) -> int:
        """Keeps one command that was run: its words, standard input, exit code and standard output."""
        target = " ".join(words[1:])
        return self._keep(
            peer=words[0],
            method="RUN",
            target=target,
            request_headers={},
            body=body,
            status=code,
            response_headers={},
            data=data,
        )

    def _keep(
        self,
        *,
        peer: str,
        method: str,
        target: str,
        request_headers: dict[str, str],
        body: bytes,
        status: int,
        response_headers: dict[str, str],
        data: bytes,
    ) -> int:
        number = -(len(self.exchanges) + 1)
        self.exchanges.append(
            Exchange(
                seq=number,
                at=datetime.now(UTC).isoformat(),
                system="product",
                operation="",
                peer=peer,
                method=method,
                target=self._redact(target),
                request_headers=self._redact.headers(request_headers),
                request_body=self._redact(_readable(body)),
                request_bytes=len(body),
                status=status,
                response_headers=self._redact.headers(response_headers),
                response_body=self._redact(_readable(data)),
                response_bytes=len(data),
                fault="",
            )
        )
        return number


def _readable(data: bytes, most: int = 16 * 1024) -> str:
    """Bytes for a person: text when it is text, otherwise size and digest."""
    if len(data) <= most:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return f"（{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}）"
