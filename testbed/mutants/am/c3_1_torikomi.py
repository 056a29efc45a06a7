"""③-1 and 3.2: mistakes in reaching the download function and in taking applications from it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from testbed.mutants.model import Mutant

CLIENT = "reference_impl.shinsei_kanri.download_client"
IMPORT = "reference_impl.shinsei_kanri.importing"


def _direct_client(settings: Any, like: Any) -> Any:
    """A client that reaches the download function without the relay, as a leaking host file would let it."""
    import httpx

    ready = Path(os.environ["SHINSEI_AM_READY_FILE"]).with_name("world-ready.json")
    address = str(json.loads(ready.read_text(encoding="utf-8"))["download_address"])
    host, _, port = address.rpartition(":")
    name = urlsplit(settings.url).hostname

    class Direct(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.extensions = {**request.extensions, "sni_hostname": name}
            request.url = request.url.copy_with(host=host, port=int(port))
            return super().handle_request(request)

    return httpx.Client(
        base_url=settings.url, headers=like.headers, timeout=like.timeout, transport=Direct(verify=_tls(settings))
    )


def _tls(settings: Any) -> Any:
    from reference_impl.shinsei_kanri import download_client

    return download_client.tls_context(settings)


def _falls_back(original: Callable[..., Any]) -> Callable[..., Any]:
    def http_client(settings: Any, profile: Any) -> Any:
        client = original(settings, profile)
        relay = urlsplit(settings.proxy_url)
        try:
            socket.create_connection((relay.hostname or "", relay.port or 0), timeout=1).close()
        except OSError:
            return _direct_client(settings, client)
        return client

    return http_client


def _list_goes_direct(original: Callable[..., Any]) -> Callable[..., Any]:
    def list_page(self: Any, *arguments: Any) -> Any:
        self._current_token()
        proxied = self._http
        self._http = _direct_client(self._settings, proxied)
        try:
            return original(self, *arguments)
        finally:
            self._http.close()
            self._http = proxied

    return list_page


def _telemetry(original: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: Any, run_id: int) -> Any:
        import httpx

        outcome = original(self, run_id)
        client = self._new_client()
        try:
            with contextlib.suppress(httpx.HTTPError):
                client._http.post("/api/telemetry", json={"operator": "職員A", "pending": 12})
        finally:
            client.close()
        return outcome

    return run


def _no_verification(original: Callable[..., Any]) -> Callable[..., Any]:
    def tls_context(settings: Any) -> Any:
        context = original(settings)
        context.check_hostname = False
        context.verify_mode = 0
        return context

    return tls_context


def _no_hostname(original: Callable[..., Any]) -> Callable[..., Any]:
    def tls_context(settings: Any) -> Any:
        context = original(settings)
        context.check_hostname = False
        return context

    return tls_context


def _no_validity(original: Callable[..., Any]) -> Callable[..., Any]:
    no_check_time = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL

    def tls_context(settings: Any) -> Any:
        context = original(settings)
        context.verify_flags |= no_check_time
        return context

    return tls_context


def _gives_up(_: Callable[..., Any]) -> Callable[..., Any]:
    def authorised(self: Any, name: str, values: Any, *most: int) -> Any:
        from reference_impl.shinsei_kanri.download_client import DownloadUnavailable

        response = self._send(name, values, self._current_token(), *most)
        if response.status_code == 401:
            raise DownloadUnavailable("認証トークンが拒まれました / the token is refused")
        return response

    return authorised


def _first_page(_: Callable[..., Any]) -> Callable[..., Any]:
    def read_pages(self: Any, procedure_id: str, start: Any, end: Any) -> Any:
        total, rows = self.list_page(procedure_id, start, end, 0)
        return {row.receipt_no: row for row in rows}, len(rows), bool(total or not rows)

    return read_pages


def _unknown_call(original: Callable[..., Any]) -> Callable[..., Any]:
    def login(self: Any) -> Any:
        import httpx

        with contextlib.suppress(httpx.HTTPError):
            self._http.get("/api/version")
        return original(self)

    return login


def _nothing_older(original: Callable[..., Any]) -> Callable[..., Any]:
    def not_yet_stored(rows: Any, known: set[str]) -> Any:
        listed = list(rows)
        oldest = min((row.received_at for row in listed if row.receipt_no in known), default=None)
        return [row for row in original(listed, known) if oldest is None or row.received_at >= oldest]

    return not_yet_stored


def _twice(original: Callable[..., Any]) -> Callable[..., Any]:
    def page(connection: Any, offset: int, limit: int) -> Any:
        found = original(connection, offset, limit)
        return found.model_copy(update={"items": [*found.items, *found.items], "total": found.total * 2})

    return page


def _as_it_comes(_: Callable[..., Any]) -> Callable[..., Any]:
    def fetch_verified(client: Any, row: Any) -> bytes:
        import httpx

        operation = client._surface.operations["get"]
        path = operation.path.replace("{" + operation.request["receipt_no"].wire + "}", row.receipt_no)
        headers = {client._surface.auth_header: f"Bearer {client._current_token()}"}
        body = bytearray()
        with (
            contextlib.suppress(httpx.RemoteProtocolError),
            client._http.stream("GET", path, headers=headers) as answer,
        ):
            for piece in answer.iter_raw():
                body += piece
        return bytes(body)

    return fetch_verified


def _every_procedure(original: Callable[..., Any]) -> Callable[..., Any]:
    def wanted(self: Any, client: Any, counts: Any, notes: Any) -> Any:
        from interface_spec.procedures import load_procedures

        self._procedures = {**self._procedures, "S02": load_procedures()["S02"]}
        return original(self, client, counts, notes)

    return wanted


def _skips_the_window(original: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: Any, name: str, values: Any, token: Any, *most: int) -> Any:
        from reference_impl.shinsei_kanri import importing
        from reference_impl.shinsei_kanri.download_client import DownloadUnavailable

        try:
            return original(self, name, values, token, *most)
        except DownloadUnavailable as error:
            if "503" in str(error):
                usual = importing.import_window

                def from_now(now: Any, days: int) -> Any:
                    importing.import_window = usual
                    return now, usual(now, days)[1]

                importing.import_window = from_now
            raise

    return send


def _no_pause(_: Callable[..., Any]) -> Callable[..., Any]:
    def pause(response: Any, attempt: int) -> float:
        return 0.0 if response is not None and attempt >= 0 else 1.0

    return pause


def _always(_: Callable[..., Any]) -> Callable[..., Any]:
    def body_matches(body: bytes, header_digest: str, row: Any) -> bool:
        return bool(body) and bool(header_digest) and row is not None

    return body_matches


def _tires(original: Callable[..., Any]) -> Callable[..., Any]:
    def start(self: Any, kind: str) -> Any:
        from interface_spec.control import JobState

        job = original(self, kind)
        if self._count > 4:
            return job.model_copy(update={"state": JobState.FAILED, "message": "ワーカーがありません / no worker left"})
        return job

    return start


def _only_portal(original: Callable[..., Any]) -> Callable[..., Any]:
    def check_belongs(application: Any, listed: Any) -> None:
        from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage

        original(application, listed)
        if application.text("origin") != "portal":
            raise RefusedPackage("ぴったりサービスの申請ではありません / not from the portal")

    return check_belongs


MUTANTS = (
    Mutant(
        "direct-when-relay-is-down",
        "連携サーバが止まると、ダウンロード機能へ直接つなぐ",
        "connects directly when the relay is down",
        ("FW-S32-02a",),
        f"{CLIENT}:http_client",
        _falls_back,
    ),
    Mutant(
        "sends-telemetry",
        "取込みのたびに、職員名などの稼働情報を外へ送る",
        "sends usage data with staff names outward after each import",
        ("FW-S32-03a", "AM-3.1-03c"),
        f"{IMPORT}:Importer.run",
        _telemetry,
    ),
    Mutant(
        "only-portal-applications",
        "申請API利用サイトからの申請を受け付けない",
        "refuses applications that come from an API site",
        ("AM-S33-01a",),
        "reference_impl.shinsei_kanri.unpack.package:check_belongs",
        _only_portal,
    ),
    Mutant(
        "tires-out",
        "何度か取り込むと、次の取込みが動かなくなる",
        "after some jobs no further import runs",
        ("AM-3.0-03a",),
        "reference_impl.shinsei_kanri.jobs:Jobs.start",
        _tires,
    ),
    Mutant(
        "list-goes-direct",
        "一覧の取得だけプロキシ設定を使わない",
        "ignores the proxy for the list call",
        ("AM-3.1-01a",),
        f"{CLIENT}:DownloadClient.list_page",
        _list_goes_direct,
    ),
    Mutant(
        "tls-verification-off",
        "「LGWANの中だから」とサーバ証明書の検証を切る",
        "switches certificate verification off",
        ("AM-3.1-02a", "AM-3.1-02b", "AM-3.1-02c"),
        f"{CLIENT}:tls_context",
        _no_verification,
    ),
    Mutant(
        "no-hostname-check",
        "証明書のホスト名を確かめない",
        "does not check the host name of the certificate",
        ("AM-3.1-02b",),
        f"{CLIENT}:tls_context",
        _no_hostname,
    ),
    Mutant(
        "no-validity-check",
        "証明書の有効期間を確かめない",
        "does not check the validity period of the certificate",
        ("AM-3.1-02c",),
        f"{CLIENT}:tls_context",
        _no_validity,
    ),
    Mutant(
        "gives-up-after-401",
        "トークンの期限が切れると取込みをやめる",
        "gives up when the token has expired",
        ("AM-3.1-03a",),
        f"{CLIENT}:DownloadClient._authorised",
        _gives_up,
    ),
    Mutant(
        "first-page-only",
        "一覧の最初の頁だけを読む",
        "reads the first page of the list only",
        ("AM-3.1-03b",),
        f"{CLIENT}:DownloadClient._read_pages",
        _first_page,
    ),
    Mutant(
        "asks-for-a-version",
        "インターフェースに無い版番号の問合せをする",
        "asks for a version, which the interface does not have",
        ("AM-3.1-03c",),
        f"{CLIENT}:DownloadClient.login",
        _unknown_call,
    ),
    Mutant(
        "nothing-older",
        "取り込んだものより受付日時の古い申請を無視する",
        "ignores applications older than what it has",
        ("AM-3.1-82a",),
        f"{IMPORT}:not_yet_stored",
        _nothing_older,
    ),
    Mutant(
        "registers-twice",
        "再び一覧に現れた申請の行が増える",
        "shows an application once more each time it is listed",
        ("AM-3.1-82b",),
        "reference_impl.shinsei_kanri.views:page",
        _twice,
    ),
    Mutant(
        "takes-what-comes",
        "途中で切れた転送も、確かめずに一度で受け取る",
        "takes a transfer as it comes, cut short or not",
        ("AM-3.1-82c", "AM-3.1-82d"),
        f"{IMPORT}:fetch_verified",
        _as_it_comes,
    ),
    Mutant(
        "ignores-digests",
        "大きさとSHA-256を確かめない",
        "does not compare size and SHA-256",
        ("AM-3.1-82d",),
        f"{IMPORT}:body_matches",
        _always,
    ),
    Mutant(
        "takes-every-procedure",
        "割り当てられていない手続の申請も取り込む",
        "takes applications of procedures that are not assigned",
        ("AM-3.1-83a",),
        f"{IMPORT}:Importer._wanted",
        _every_procedure,
    ),
    Mutant(
        "skips-the-window",
        "保守時間帯に当たると、その間の申請を飛ばして先へ進む",
        "skips what was due when it met maintenance",
        ("AM-3.1-84a",),
        f"{CLIENT}:DownloadClient._send",
        _skips_the_window,
    ),
    Mutant(
        "ignores-retry-after",
        "Retry-After を待たずに再送する",
        "repeats at once whatever Retry-After says",
        ("AM-3.1-84b",),
        f"{CLIENT}:pause",
        _no_pause,
    ),
)
