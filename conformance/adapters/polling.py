"""Trigger ``poll``: a product that takes in on its own schedule; the harness waits instead of asking."""

from __future__ import annotations

import time
from collections.abc import Callable

from conformance.adapters.base import Adapter, Change, Sheet
from interface_spec.control import (
    ApplicationDetail,
    ApplicationSummary,
    Health,
    IdentifyPerson,
    Job,
    JobState,
    ReviewChange,
)

MARGIN = 1.2
"""How much longer than its own interval a product may take to begin and end one import."""
SLICES = 6
"""How often a wait is counted down."""


class PollingAdapter:
    """``inner``, but an import (and the synchronisation before it) is waited for: one interval and a margin."""

    def __init__(
        self,
        inner: Adapter,
        interval_seconds: float,
        wait: Callable[[float], None] = time.sleep,
        tell: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._inner, self._interval, self._wait, self._tell = inner, interval_seconds, wait, tell

    @property
    def unseen(self) -> frozenset[str]:
        return self._inner.unseen

    def begin(self, sheet: Sheet, /) -> None:
        self._inner.begin(sheet)

    def sync(self) -> Job:
        """Waited for together with the import that follows."""
        return Job(job_id="poll-sync", kind="sync", state=JobState.DONE, message="製品の周期で行われる")

    def import_now(self) -> Job:
        seconds = self._interval * MARGIN
        for left in range(SLICES, 0, -1):
            self._tell(seconds * left / SLICES)
            self._wait(seconds / SLICES)
        return Job(job_id="poll-import", kind="import", state=JobState.DONE, message=f"{seconds:g} 秒待った")

    def health(self) -> Health:
        return self._inner.health()

    def applications(self) -> list[ApplicationSummary]:
        return self._inner.applications()

    def application(self, receipt_no: str) -> ApplicationDetail | None:
        return self._inner.application(receipt_no)

    def attachment(self, receipt_no: str, seq: int) -> tuple[int, bytes]:
        return self._inner.attachment(receipt_no, seq)

    def review(self, receipt_no: str, change: ReviewChange) -> Change:
        return self._inner.review(receipt_no, change)

    def identify(self, receipt_no: str, person: IdentifyPerson) -> Change:
        return self._inner.identify(receipt_no, person)

    def close(self) -> None:
        self._inner.close()
