"""Trigger ``poll``: a product that takes in on its own schedule; the harness waits instead of asking."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

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
LONGEST_PART = 0.8
"""An import that was seen to begin is given this part of the interval: before the next one begins."""
SLICES = 6
"""How often a wait is counted down."""
QUIET_PART, LEAST_QUIET, MOST_QUIET = 0.05, 3.0, 60.0
"""An import that was seen is over after a pause of this part of the interval (bounds in seconds)."""
LOOKS = 5
"""How often a pause is looked at before it counts."""


class Watch(Protocol):
    """What is seen of the product from outside."""

    def moves(self) -> object:
        """Changes whenever the product does something that can be seen."""

    def delivered(self) -> set[str]:
        """受付番号 that the product has been given whole and ought to show."""


class PollingAdapter:
    """``inner``, but an import (and the synchronisation before it) is waited for.

    It is over when the product, having been seen at work, is quiet and shows what it was given, at most most of an interval
    later. When nothing is seen, or there is no ``watch``, one interval and a margin are waited.
    """

    def __init__(
        self,
        inner: Adapter,
        interval_seconds: float,
        wait: Callable[[float], None] = time.sleep,
        tell: Callable[[float], None] = lambda _: None,
        watch: Watch | None = None,
        *,
        looks: bool = True,
    ) -> None:
        """``looks``: the product's list may be read as often as needed (no person has to be asked for it)."""
        self._inner, self._interval, self._wait, self._tell, self._watch = inner, interval_seconds, wait, tell, watch
        self._looks = looks

    @property
    def unseen(self) -> frozenset[str]:
        return self._inner.unseen

    def begin(self, sheet: Sheet, /) -> None:
        self._inner.begin(sheet)

    def sync(self) -> Job:
        """Waited for together with the import that follows."""
        return Job(job_id="poll-sync", kind="sync", state=JobState.DONE, message="製品の取込みと一緒に行われる")

    def import_now(self) -> Job:
        most, tick = self._interval * MARGIN, min(self._quiet / LOOKS, self._interval * MARGIN / SLICES)
        watch = self._watch
        before = watch.moves() if watch is not None else None
        waited, slices, still, moved, over = 0.0, 0, 0.0, False, False
        while waited < most and not over:
            if waited >= slices * self._interval * MARGIN / SLICES:
                self._tell(most - waited)
                slices += 1
            self._wait(tick)
            waited += tick
            after = watch.moves() if watch is not None else None
            if after != before and not moved:
                moved, most = True, waited + self._interval * LONGEST_PART
            still = still + tick if after == before else 0.0
            before = after
            over = moved and still >= self._quiet and self._shows_all()
        told = "製品の取込みを確認した" if over else "製品の取込みを待った"
        return Job(job_id="poll-import", kind="import", state=JobState.DONE, message=f"{told}（{waited:.0f} 秒）")

    @property
    def _quiet(self) -> float:
        return max(LEAST_QUIET, min(self._interval * QUIET_PART, MOST_QUIET))

    def _shows_all(self) -> bool:
        """Whether the product shows every application that it was given."""
        given = self._watch.delivered() if self._watch is not None and self._looks else set[str]()
        return not given or given <= {one.receipt_no for one in self._inner.applications()}

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
