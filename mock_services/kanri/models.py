"""The staff's screen: who may sign in, what is found, which 処理状況 may be registered. No HTTP, no pages.

公開: staff register on this screen what the resident sees, and it stays as it is until they do. 仮定: its layout.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from interface_spec.procedures import load_procedures
from interface_spec.profile import Profile
from mock_services.download.models import DownloadStore
from mock_services.download.packages import Package
from mock_services.download.shelf import Application
from mock_services.kanri.errors import BadSignInError, BadStatusError

PAGE = 100
SEARCHED = 5000
"""The newest applications that a search looks through."""
MESSAGE_MOST = 1000


@dataclass(frozen=True)
class Listing:
    """The first page of what fits, newest first; ``total`` None: more fit than were looked through."""

    rows: list[Application]
    total: int | None


class Staff:
    """What a town's staff can do; all state lives in the download function's store."""

    def __init__(self, profile: Profile, applications: DownloadStore, town_names: Mapping[str, str]) -> None:
        self._applications, self._town_names = applications, dict(town_names)
        self.statuses = {name: one.ja for name, one in profile.codes["resident_status"].values.items()}
        self.procedures = {name: one.ja for name, one in load_procedures().items()}

    def town_name(self, dantai_code: str) -> str:
        return self._town_names.get(dantai_code, f"団体 {dantai_code}")

    def sign_in(self, dantai_code: str, account: str, secret: str) -> None:
        """The accounts are those of the download function. BadSignInError."""
        if not self._applications.knows(dantai_code, account, secret):
            raise BadSignInError

    def has_town(self, dantai_code: str) -> bool:
        return self._applications.has_town(dantai_code)

    async def search(self, dantai_code: str, status: str, words: str) -> Listing:
        """``status`` and ``words`` (受付番号, 手続) empty: everything. Other calls go on meanwhile."""
        everything = self._applications.of_town(dantai_code)
        total = len(everything)
        if not status and not words:
            return Listing(next(everything.newest(PAGE), []), total)
        rows: list[Application] = []
        for page in everything.newest(SEARCHED):
            rows += [one for one in page if self._fits(one, status, words)]
            await asyncio.sleep(0)
        return Listing(rows[:PAGE], len(rows) if total <= SEARCHED else None)

    def _fits(self, one: Application, status: str, words: str) -> bool:
        return status in ("", one.status) and words in f"{one.receipt_no} {self.procedures.get(one.procedure_id)}"

    def application(self, dantai_code: str, receipt_no: str) -> Application:
        """DownloadError for one that the town has not."""
        return self._applications.get(dantai_code, receipt_no)

    def register(self, dantai_code: str, receipt_no: str, status: str, message: str) -> None:
        """What the resident sees from now on. BadStatusError, DownloadError."""
        if status not in self.statuses or len(message) > MESSAGE_MOST:
            raise BadStatusError
        self._applications.set_status(dantai_code, receipt_no, status, message)

    def package(self, dantai_code: str, receipt_no: str) -> Package:
        """For a manual download in an outage of the API. DownloadError."""
        return self.application(dantai_code, receipt_no).package
