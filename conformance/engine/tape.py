"""What passed between harness and product, for the evidence: redacted, large bodies by digest."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import httpx

from conformance.engine.masking import Masker
from conformance.engine.secrets import Redactor
from conformance.record import Exchange

MOST_BYTES = 64 * 1024 * 1024
"""Characters that the exchanges with a product may fill in one run; of those beyond it only the fact is kept."""
MOST_TARGET, MOST_HEADER, MOST_HEADERS = 4000, 4000, 100
CUT = "［実施の上限に達したため記録なし / not kept: the run's bound was reached］"


class AdapterTape:
    """Exchanges with the product, numbered below zero so that they never meet the world's numbers."""

    def __init__(self, redact: Redactor, masker: Masker | None = None) -> None:
        self._redact, self._masker = redact, masker
        self.exchanges: list[Exchange] = []
        self._bytes = 0
        self.cut = 0
        """Exchanges whose contents are not kept because the run's bound was reached; they are counted, never hidden."""

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
        shown_body, shown_data = self._masked(_readable(body)), self._masked(_readable(data))
        headers_given, headers_back = _bounded(request_headers), _bounded(response_headers)
        self._bytes += (
            len(shown_body) + len(shown_data) + sum(map(len, (*headers_given.values(), *headers_back.values())))
        )
        if self._bytes > MOST_BYTES:
            self.cut += 1
            shown_body, shown_data, headers_given, headers_back = CUT, CUT, {}, {}
        self.exchanges.append(
            Exchange(
                seq=number,
                at=datetime.now(UTC).isoformat(),
                system="product",
                operation="",
                peer=peer,
                method=method,
                target=self._redact(target)[:MOST_TARGET],
                request_headers=self._redact.headers(headers_given),
                request_body=self._redact(shown_body),
                request_bytes=len(body),
                status=status,
                response_headers=self._redact.headers(headers_back),
                response_body=self._redact(shown_data),
                response_bytes=len(data),
                fault="",
            )
        )
        return number

    def _masked(self, text: str) -> str:
        return self._masker.body(text) if self._masker is not None else text


def _bounded(headers: dict[str, str]) -> dict[str, str]:
    """Headers of a size that no honest product exceeds."""
    return {name[:MOST_HEADER]: value[:MOST_HEADER] for name, value in list(headers.items())[:MOST_HEADERS]}


def _readable(data: bytes, most: int = 16 * 1024) -> str:
    """Bytes for a person: text when it is text, otherwise size and digest."""
    if len(data) <= most:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return f"（{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}）"
