"""③-1: the client of ダウンロード機能. Every call passes the relay; nothing here knows another route."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from interface_spec.profile import Profile
from reference_impl.shinsei_kanri.dialects import dialect_of
from reference_impl.shinsei_kanri.records import Listed
from reference_impl.shinsei_kanri.wiring import calls
from reference_impl.shinsei_kanri.wiring.calls import AnswerError
from reference_impl.shinsei_kanri.wiring.fields import Fields
from reference_impl.shinsei_kanri.wiring.formats import Value

TRIES = 4
RELOGINS = 5
BACK_OFF_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 20.0
"""Who asks for more is asked again by the next import, not earlier than wanted by this one."""
LIST_PASSES = 4
CONCURRENT = 4
ANSWER_BYTES = 16 * 1024 * 1024
"""No page of a list and no login answer needs more (仮定)."""
REFUSAL_BYTES = 64 * 1024
"""So much of an answer is read whatever the list announced: a refusal may stand in the place of an application."""


class DownloadUnavailable(Exception):
    """ダウンロード機能 or the way to it does not work now: this import ends, the next one goes on. One sentence."""


class PackageTrouble(Exception):
    """This one application cannot be fetched now; the others can. One sentence."""


@dataclass(frozen=True)
class DownloadSettings:
    url: str
    proxy_url: str
    ca_file: Path
    dantai_code: str
    account: str
    secret: str


def tls_context(settings: DownloadSettings) -> ssl.SSLContext:
    """Chain against the configured CA only, host name and validity checked, TLS 1.2 at least."""
    context = ssl.create_default_context(cafile=str(settings.ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def http_client(settings: DownloadSettings, profile: Profile) -> httpx.Client:
    """An HTTP client that reaches everything through the relay; environment variables have no say.

    The name of ダウンロード機能 is not resolved here: it travels in CONNECT to the relay.
    """
    return httpx.Client(
        base_url=settings.url,
        proxy=proxy_for(settings),
        verify=tls_context(settings),
        headers={"Accept-Encoding": "identity"},  # sizes and digests are those of the bytes as sent
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(float(profile.limit("no_answer"))),
        limits=httpx.Limits(max_connections=CONCURRENT, max_keepalive_connections=CONCURRENT),
    )


def proxy_for(settings: DownloadSettings) -> str:
    """The relay (連携サーバ)."""
    return settings.proxy_url


class DownloadClient:
    """One import's session with ダウンロード機能; usable from several threads."""

    def __init__(self, settings: DownloadSettings, profile: Profile, wait: Callable[[float], None]) -> None:
        self._settings, self._profile, self._wait = settings, profile, wait
        self._surface = profile.surfaces["download"]
        self._dialect = dialect_of(profile, "download")
        self._http = http_client(settings, profile)
        self._token = ""
        self._login_lock = threading.Lock()

    def close(self) -> None:
        self._http.close()

    def login(self) -> str:
        """A new token. Raises DownloadUnavailable, also when the account is refused."""
        operation = self._surface.operations["login"]
        values: dict[str, Value] = {
            "dantai_code": self._settings.dantai_code,
            "account": self._settings.account,
            "secret": self._settings.secret,
        }
        response = self._send("login", values, token=None)
        if self._refusal(response) in ("bad_request", "bad_credentials", "forbidden"):
            raise DownloadUnavailable("ログインが拒否されました（アカウントを確認してください） / login refused")
        self._expect(response, operation.status, "ログイン")
        try:
            answer, _ = calls.read_answer(operation, response.headers, response.content, self._profile.codes)
        except AnswerError as error:
            raise DownloadUnavailable(f"ログインの応答を読めません / login answer unreadable: {error}") from None
        return answer.text("token")

    def list_procedure(self, procedure_id: str, start: datetime, end: datetime) -> tuple[list[Listed], bool]:
        """(every application of one procedure received in the window, whether they are as many as the list says).

        Pages may shift while new applications arrive: rows are taken once each, and the list is read again until a
        pass saw a steady total completely, or brought nothing new. Raises DownloadUnavailable.
        """
        found: dict[str, Listed] = {}
        total = 0
        for _ in range(LIST_PASSES):
            before = len(found)
            seen, total, steady = self._read_pages(procedure_id, start, end)
            found |= seen
            if (steady and len(seen) >= total) or (before and len(found) == before):
                break
        return list(found.values()), len(found) >= total

    def _read_pages(self, procedure_id: str, start: datetime, end: datetime) -> tuple[dict[str, Listed], int, bool]:
        """(rows by 受付番号, total of the last page, whether the total stayed the same) of one pass."""
        seen: dict[str, Listed] = {}
        offset, first_total, total, steady = 0, -1, 0, True
        while True:
            total, rows = self.list_page(procedure_id, start, end, offset)
            if first_total < 0:
                first_total = total
            steady = steady and total == first_total
            page = {row.receipt_no: row for row in rows}
            seen |= page
            offset += len(page)
            if not page or offset >= total:
                return seen, total, steady

    def list_page(self, procedure_id: str, start: datetime, end: datetime, offset: int) -> tuple[int, list[Listed]]:
        """(total, rows) of one page."""
        operation = self._surface.operations["list"]
        values: dict[str, Value] = {
            "received_from": start,
            "received_to": end,
            "procedure_id": procedure_id,
            "offset": offset,
            "limit": self._profile.limit("list_page"),
        }
        response = self._authorised("list", values)
        self._expect(response, operation.status, "申請データ一覧取得")
        try:
            answer, rows = calls.read_table(
                self._surface, operation, response.headers, response.content, self._profile.codes
            )
            return answer.whole("total"), [as_listed(row) for row in rows]
        except (AnswerError, TypeError) as error:
            raise DownloadUnavailable(f"申請データ一覧を読めません / the list is unreadable: {error}") from None

    def get_package(self, listed: Listed) -> tuple[bytes, str]:
        """(bytes, SHA-256 from the answer's header) of one application.

        What is larger than the list announced is cut one byte past that: memory is shared out by what was announced.
        Raises PackageTrouble for this application only, DownloadUnavailable when the other side is away.
        """
        operation = self._surface.operations["get"]
        try:
            most = min(max(listed.size, REFUSAL_BYTES), self._profile.limit("package_bytes"))
            response = self._authorised("get", {"receipt_no": listed.receipt_no}, most)
        except httpx.TransportError as error:
            raise PackageTrouble(f"転送が途中で切れました / transfer cut: {type(error).__name__}") from None
        if response.status_code != operation.status:
            raise PackageTrouble(
                f"申請データ取得が状態 {response.status_code} で拒まれました / refused with that status"
            )
        try:
            header = calls.header_items(operation, response.headers, self._profile.codes)
        except AnswerError as error:
            raise PackageTrouble(str(error)) from None
        return response.content, header.text("sha256")

    def _authorised(self, name: str, values: dict[str, Value], most: int = ANSWER_BYTES) -> httpx.Response:
        """Send with the token; when it is refused log in again (once for all threads) and send again."""
        for _ in range(RELOGINS):
            token = self._current_token()
            response = self._send(name, values, token, most)
            if self._refusal(response) != "bad_token":
                return response
            self.renew(token)
        raise DownloadUnavailable("認証トークンが繰り返し拒まれました / the token is refused again and again")

    def _current_token(self) -> str:
        with self._login_lock:
            if not self._token:
                self._token = self.login()
            return self._token

    def renew(self, refused: str) -> None:
        """Forget a token that was refused, unless another thread has replaced it already."""
        with self._login_lock:
            if self._token == refused:
                self._token = ""

    def _send(self, name: str, values: dict[str, Value], token: str | None, most: int = ANSWER_BYTES) -> httpx.Response:
        """One call, repeated with growing pauses while the other side says so or breaks off."""
        operation = self._surface.operations[name]
        plain = calls.build(operation, values, self._profile.codes)
        call = self._dialect.from_plain(name, plain)
        headers = dict(call.headers)
        if token is not None:
            headers[self._surface.auth_header] = f"Bearer {token}"
        last: httpx.TransportError | None = None
        for attempt in range(TRIES):
            try:
                response = self._receive(call, headers, most)
            except (httpx.TimeoutException, httpx.ConnectError, httpx.ProxyError) as error:
                raise DownloadUnavailable(connection_trouble(error)) from None
            except httpx.TransportError as error:
                last = error
                self._wait(BACK_OFF_SECONDS * 2**attempt)
                continue
            if name != "get" and len(response.content) > most:
                raise DownloadUnavailable(f"応答が {most} バイトを超えています / the answer is larger than it can be")
            refusal = self._refusal(response)
            if refusal == "maintenance":
                raise DownloadUnavailable(f"ダウンロード機能が保守中です（{response.status_code}） / maintenance")
            later = refusal == "too_many" or worth_repeating(response.status_code)
            if not later or attempt == TRIES - 1:
                return self._dialect.to_plain(name, plain, response)
            seconds = pause(response, attempt)
            if seconds > LONGEST_WAIT_SECONDS:
                raise DownloadUnavailable(
                    f"ダウンロード機能が {seconds:.0f} 秒待つよう求めています。次回の取込で続けます / asked to wait longer"
                )
            self._wait(seconds)
        if name == "get" and last is not None:
            raise last
        raise DownloadUnavailable(
            "ダウンロード機能との通信が繰り返し切れました / the connection breaks again and again"
        )

    def _receive(self, call: calls.Call, headers: dict[str, str], most: int) -> httpx.Response:
        """The whole answer; one larger than ``most`` bytes is cut one byte past that."""
        request = self._http.build_request(
            call.method, call.path, params=call.query or None, headers=headers, json=call.body
        )
        response = self._http.send(request, stream=True)
        try:
            body = bytearray()
            for piece in response.iter_raw():
                body += piece[: most + 1 - len(body)]
                if len(body) > most:
                    break
        finally:
            response.close()
        return httpx.Response(
            response.status_code, headers=_plain(response.headers), content=bytes(body), request=request
        )

    def _refusal(self, response: httpx.Response) -> str:
        return calls.refusal(self._surface, response.status_code, response.content)

    def _expect(self, response: httpx.Response, status: int, what: str) -> None:
        if response.status_code != status:
            raise DownloadUnavailable(
                f"{what}が状態 {response.status_code} で終わりました / the call ended with that status"
            )


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """Headers without those that described the transfer, which is over."""
    return {
        name: value
        for name, value in headers.items()
        if name not in ("content-encoding", "transfer-encoding", "content-length")
    }


def worth_repeating(status: int) -> bool:
    """True for answers that say "later" by HTTP itself, whatever the profile names them (429 and 5xx)."""
    return status == 429 or status >= 500


def pause(response: httpx.Response, attempt: int) -> float:
    """Seconds until the next try: Retry-After where it can be read, else growing pauses."""
    given = retry_after(response.headers)
    return BACK_OFF_SECONDS * 2**attempt if given is None else given


def retry_after(headers: httpx.Headers) -> float | None:
    """The seconds of Retry-After (RFC 9110 10.2.3); a date counts from the answer's own Date. None when unreadable."""
    given = headers.get("Retry-After", "").strip()
    if given.isascii() and given.isdigit():
        return float(given)
    try:
        until = parsedate_to_datetime(given)
        since = parsedate_to_datetime(headers["Date"]) if "Date" in headers else datetime.now(UTC)
        return max((until - since).total_seconds(), 0.0)
    except (ValueError, TypeError):  # TypeError: one of them has no zone
        return None


def connection_trouble(error: httpx.TransportError) -> str:
    """One sentence that tells which part of the way is broken."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return f"ダウンロード機能の証明書を確認できません / the certificate is not trusted: {cause.reason}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return "ダウンロード機能から時間内に応答がありません / no answer in time"
    if isinstance(error, httpx.ProxyError):
        return f"連携サーバが接続を通しませんでした / the relay let the connection not pass: {error}"
    return "連携サーバへ接続できません / cannot connect to the relay"


def as_listed(row: Fields) -> Listed:
    return Listed(
        receipt_no=row.text("receipt_no"),
        procedure_id=row.text("procedure_id"),
        dantai_code=row.text("dantai_code"),
        received_at=row.moment("received_at"),
        arrived_at=row.moment("arrived_at"),
        size=row.whole("size"),
        sha256=row.text("sha256"),
    )
