"""ダウンロード機能: accounts, tokens and applications with their rules. No HTTP, no wire names."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mock_services.clock import WorldClock
from mock_services.download.errors import (
    BadCredentialsError,
    BadRequestError,
    BadTokenError,
    ForbiddenError,
    NotFoundError,
)
from mock_services.wiring import Value


@dataclass(frozen=True)
class Account:
    dantai_code: str
    account: str
    secret: str


@dataclass(frozen=True)
class Application:
    """One application as it lies ready for download. ``listed_at``: 受付日時 in the precision of the wire.

    ``status_at``: when 処理状況 was changed last; ``message``: 団体からの連絡 that goes with it.
    """

    receipt_no: str
    procedure_id: str
    dantai_code: str
    received_at: datetime
    arrived_at: datetime
    visible_at: datetime | None
    status: str
    package: bytes
    sha256: str
    listed_at: datetime
    status_at: datetime | None = None
    message: str = ""


@dataclass(frozen=True)
class Token:
    value: str
    dantai_code: str
    expires_at: datetime


@dataclass(frozen=True)
class Window:
    """What the list is asked for; ``limit`` None = the largest page."""

    received_from: datetime
    received_to: datetime
    procedure_id: str | None = None
    offset: int = 0
    limit: int | None = None


@dataclass(frozen=True)
class Page:
    total: int
    rows: tuple[Application, ...]


class DownloadStore:
    """State of the download function. ``page_limit`` and ``token_seconds`` come from the profile's limits."""

    def __init__(
        self, clock: WorldClock, accounts: Iterable[Account], *, page_limit: int, token_seconds: int, token_key: bytes
    ) -> None:
        self._clock = clock
        self._accounts = {(one.dantai_code, one.account): one for one in accounts}
        self.page_limit, self.token_seconds = page_limit, token_seconds
        self._token_key = token_key
        self._issued = 0
        self._tokens: dict[str, Token] = {}
        self._applications: dict[str, Application] = {}
        self.wire_rows: dict[str, tuple[Application, Mapping[str, Value]]] = {}
        """What was listed already, by 受付番号: the application it was made of, and its row on the wire."""

    def reset(self) -> None:
        """Forget all applications and tokens; accounts stay, and no token is ever issued twice."""
        self._applications.clear()
        self.wire_rows.clear()
        self._tokens.clear()

    def put(self, application: Application) -> None:
        """Lay an application ready, or replace the one with the same 受付番号."""
        self._applications[application.receipt_no] = application

    def login(self, dantai_code: str, account: str, secret: str) -> Token:
        """A new token. BadCredentialsError, the same for every cause."""
        if not self.knows(dantai_code, account, secret):
            raise BadCredentialsError
        self._issued += 1
        value = hmac.new(self._token_key, str(self._issued).encode(), hashlib.sha256).hexdigest()
        token = Token(value, dantai_code, self._clock.now() + timedelta(seconds=self.token_seconds))
        self._tokens[value] = token
        return token

    def knows(self, dantai_code: str, account: str, secret: str) -> bool:
        """Whether these credentials are right (the staff's screen has the same accounts)."""
        known = self._accounts.get((dantai_code, account))
        return known is not None and hmac.compare_digest(known.secret.encode(), secret.encode(errors="surrogatepass"))

    def of_town(self, dantai_code: str) -> list[Application]:
        """Every visible application of a municipality, newest first."""
        found = [one for one in self._applications.values() if one.dantai_code == dantai_code and self._visible(one)]
        return sorted(found, key=lambda one: (one.received_at, one.receipt_no), reverse=True)

    def authorise(self, value: str | None) -> Token:
        """The token when it is known and not expired by the world's clock; BadTokenError otherwise."""
        token = self._tokens.get(value or "")
        if token is None or self._clock.now() >= token.expires_at:
            raise BadTokenError
        return token

    def revoke(self, value: str) -> None:
        self._tokens.pop(value, None)

    def matching(self, dantai_code: str, window: Window) -> list[Application]:
        """Every visible application of the municipality in the window [from, to], by (受付日時, 受付番号).

        BadRequestError when the window runs backwards or offset/limit make no sense.
        """
        if window.received_from > window.received_to or window.offset < 0:
            raise BadRequestError
        if window.limit is not None and window.limit < 1:
            raise BadRequestError
        found = [
            one
            for one in self._applications.values()
            if one.dantai_code == dantai_code
            and self._visible(one)
            and window.received_from <= one.listed_at <= window.received_to
            and window.procedure_id in (None, one.procedure_id)
        ]
        return sorted(found, key=lambda one: (one.received_at, one.receipt_no))

    def page(self, found: list[Application], window: Window, page_limit: int | None = None) -> Page:
        """The asked page of ``found``, never longer than the page limit."""
        limit = min(window.limit or self.page_limit, self.page_limit, page_limit or self.page_limit)
        return Page(len(found), tuple(found[window.offset : window.offset + limit]))

    def get(self, dantai_code: str, receipt_no: str) -> Application:
        """One application. NotFoundError (also while not visible), ForbiddenError for another municipality's."""
        application = self._applications.get(receipt_no)
        if application is None or not self._visible(application):
            raise NotFoundError
        if application.dantai_code != dantai_code:
            raise ForbiddenError
        return application

    def set_status(self, dantai_code: str, receipt_no: str, status: str, message: str = "") -> Application:
        """The application with another 処理状況, as the resident sees it. NotFoundError, ForbiddenError."""
        found = self.get(dantai_code, receipt_no)
        application = replace(found, status=status, status_at=self._clock.now(), message=message)
        self._applications[receipt_no] = application
        return application

    def peek(self, receipt_no: str) -> Application | None:
        """One application whether it is in a list yet or not: the portal shows its own applicant everything."""
        return self._applications.get(receipt_no)

    def _visible(self, application: Application) -> bool:
        return application.visible_at is None or application.visible_at <= self._clock.now()
