"""ダウンロード機能: accounts, tokens and applications with their rules. No HTTP, no wire names.

公開: login gives a token that every other call needs; a list by conditions, then one application by its 受付番号, one ZIP each
(手順書5章③-1, ③-2); a list of 処理状況; pull only. 二次情報: what was sent may arrive up to two hours late; maintenance stops.
仮定: accounts by 団体, how long a token lives, paging, order, size and digest in the list, limits, every error.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol

from mock_services.clock import WorldClock
from mock_services.download.errors import (
    BadCredentialsError,
    BadRequestError,
    BadTokenError,
    ForbiddenError,
    NotFoundError,
)
from mock_services.download.shelf import Application, Kept, Matches, Part, Run
from mock_services.surface import WireRow

_TOKEN = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Account:
    dantai_code: str
    account: str
    secret: str


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


class Register(Protocol):
    """Applications of one municipality that are a function of their number: nothing of them is stored."""

    dantai_code: str

    def run(self, procedure_id: str | None) -> Run:
        """All of them, or those of one procedure, in order, without those that `take` took out."""

    def find(self, receipt_no: str) -> Application | None: ...

    def take(self, receipt_no: str) -> None:
        """From now on it is stored: the function no longer shows it."""

    def prepare_one(self) -> bool:
        """Do ahead a piece (milliseconds) of what would keep the first calls waiting; False when nothing is left."""

    def prepare(self, stop: Event) -> None:
        """Do the rest of it, until ``stop`` is set; in a thread of its own."""


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
        self._ever_issued: set[str] = set()
        self._applications: dict[str, Application] = {}
        self._kept: dict[tuple[str, str | None], Kept] = {}
        self._register: Register | None = None
        self.on_status: list[Callable[[Application], None]] = []
        """Who is told when a 処理状況 was changed."""
        self.wire_rows: dict[str, tuple[Application, WireRow]] = {}
        """What was listed lately, by 受付番号: the application it was made of, and its row on the wire."""

    def reset(self) -> None:
        """Forget all applications and tokens; accounts stay, and no token is ever issued twice."""
        self._applications.clear()
        self._kept.clear()
        self._register = None
        self.wire_rows.clear()
        self._tokens.clear()

    def take_over(self, filled: DownloadStore) -> None:
        """The applications and accounts of ``filled`` in the place of ours; otherwise as `reset`."""
        self.reset()
        self._accounts, self._register = filled._accounts, filled._register
        self._applications, self._kept = filled._applications, filled._kept

    def has_town(self, dantai_code: str) -> bool:
        """Whether a municipality of that code has an account."""
        return any(code == dantai_code for code, _ in self._accounts)

    def register(self, many: Register) -> None:
        """Add a population of applications; one at a time."""
        self._register = many

    def prepare_one(self) -> bool:
        """See `Register.prepare_one`."""
        return self._register is not None and self._register.prepare_one()

    def prepare(self, stop: Event) -> None:
        """See `Register.prepare`."""
        if self._register is not None:
            self._register.prepare(stop)

    def put(self, application: Application) -> None:
        """Lay an application ready, or replace the one with the same 受付番号."""
        old = self._applications.get(application.receipt_no)
        if old is not None:
            for run in self._runs(old):
                run.remove(old)
        elif self._register is not None:
            self._register.take(application.receipt_no)
        self._applications[application.receipt_no] = application
        for run in self._runs(application):
            run.add(application)

    def _runs(self, one: Application) -> list[Kept]:
        return [self._kept.setdefault((one.dantai_code, key), Kept()) for key in (None, one.procedure_id)]

    def login(self, dantai_code: str, account: str, secret: str) -> Token:
        """A new token. BadCredentialsError, the same for every cause."""
        if not self.knows(dantai_code, account, secret):
            raise BadCredentialsError
        self._issued += 1
        value = hmac.new(self._token_key, str(self._issued).encode(), hashlib.sha256).hexdigest()
        token = Token(value, dantai_code, self._clock.now() + timedelta(seconds=self.token_seconds))
        self._tokens[value] = token
        self._ever_issued.add(value)
        return token

    def knows(self, dantai_code: str, account: str, secret: str) -> bool:
        """Whether these credentials are right (the staff's screen has the same accounts)."""
        known = self._accounts.get((dantai_code, account))
        return known is not None and hmac.compare_digest(known.secret.encode(), secret.encode(errors="surrogatepass"))

    def has_secret(self, secret: str) -> bool:
        """Whether any account has this secret."""
        given = secret.encode(errors="surrogatepass")
        return any(hmac.compare_digest(one.secret.encode(), given) for one in self._accounts.values())

    def has_issued(self, shown: str) -> bool:
        """Whether ``shown`` holds a token that was ever issued here, however it is written and whether it is still good."""
        return any(one in self._ever_issued for one in _TOKEN.findall(shown))

    def of_town(self, dantai_code: str, procedure_id: str | None = None) -> Matches:
        """Every visible application of a municipality."""
        now, parts = self._clock.now(), []
        for run in self._sources(dantai_code, procedure_id):
            high, gaps = run.unseen(now, 0, len(run))
            parts.append(Part(run, 0, high, gaps))
        return Matches(tuple(parts))

    def authorise(self, value: str | None) -> Token:
        """The token when it is known and not expired by the world's clock; BadTokenError otherwise."""
        token = self._tokens.get(value or "")
        if token is None or self._clock.now() >= token.expires_at:
            raise BadTokenError
        return token

    def revoke(self, value: str) -> None:
        self._tokens.pop(value, None)

    def revoke_all(self) -> int:
        """Revoke every token that was issued; how many were still known."""
        known = len(self._tokens)
        self._tokens.clear()
        return known

    def matching(self, dantai_code: str, window: Window) -> Matches:
        """Every visible application of the municipality in the window [from, to], by (受付日時, 受付番号).

        BadRequestError when the window runs backwards or offset/limit make no sense.
        """
        if window.received_from > window.received_to or window.offset < 0:
            raise BadRequestError
        if window.limit is not None and window.limit < 1:
            raise BadRequestError
        now, parts = self._clock.now(), []
        for run in self._sources(dantai_code, window.procedure_id):
            low, high = run.window(window.received_from, window.received_to)
            high, gaps = run.unseen(now, low, high)
            parts.append(Part(run, low, max(low, high), gaps))
        return Matches(tuple(parts))

    def _sources(self, dantai_code: str, procedure_id: str | None) -> list[Run]:
        found: list[Run] = []
        kept = self._kept.get((dantai_code, procedure_id))
        if kept is not None:
            found.append(kept)
        if self._register is not None and self._register.dantai_code == dantai_code:
            found.append(self._register.run(procedure_id))
        return found

    def page_size(self, window: Window, page_limit: int | None = None) -> int:
        """Rows of the asked page, never more than the page limit."""
        return min(window.limit or self.page_limit, self.page_limit, page_limit or self.page_limit)

    def get(self, dantai_code: str, receipt_no: str) -> Application:
        """One application. NotFoundError (also while not visible), ForbiddenError for another municipality's."""
        application = self.peek(receipt_no)
        if application is None or not self._visible(application):
            raise NotFoundError
        if application.dantai_code != dantai_code:
            raise ForbiddenError
        return application

    def set_status(self, dantai_code: str, receipt_no: str, status: str, message: str = "") -> Application:
        """The application with another 処理状況, as the resident sees it. NotFoundError, ForbiddenError."""
        return self.change(self.get(dantai_code, receipt_no), status, message)

    def change(self, found: Application, status: str, message: str = "") -> Application:
        """The same, whether it is visible yet or not."""
        application = replace(found, status=status, status_at=self._clock.now(), message=message)
        self.put(application)
        for tell in self.on_status:
            tell(application)
        return application

    def peek(self, receipt_no: str) -> Application | None:
        """One application whether it is in a list yet or not: the portal shows its own applicant everything."""
        found = self._applications.get(receipt_no)
        return found if found is not None or self._register is None else self._register.find(receipt_no)

    def _visible(self, application: Application) -> bool:
        return application.visible_at is None or application.visible_at <= self._clock.now()
