"""Applications in the order of the list, (受付日時, 受付番号): found by bisection, never copied.

A `Run` is one sorted source: what was laid ready (`Kept`), or a population that is a function of the position. `Matches`
joins the runs of one window; what nobody may see yet are gaps in it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from mock_services.download.packages import Package

Order = tuple[datetime, str]


@dataclass(frozen=True, eq=False)
class Application:
    """One application as it lies ready for download. ``listed_at``: 受付日時 in the precision of the wire.

    ``visible_at``: in no list before; ``status_at``: when 処理状況 was changed last; ``message``: 団体からの連絡 with it.
    """

    receipt_no: str
    procedure_id: str
    dantai_code: str
    received_at: datetime
    arrived_at: datetime
    visible_at: datetime | None
    status: str
    package: Package
    listed_at: datetime
    status_at: datetime | None = None
    message: str = ""

    @property
    def order(self) -> Order:
        return self.received_at, self.receipt_no


class Run(Protocol):
    """Applications in order."""

    def __len__(self) -> int: ...

    def order(self, at: int) -> Order: ...

    def application(self, at: int) -> Application: ...

    def window(self, first: datetime, last: datetime) -> tuple[int, int]:
        """Positions [low, high) of the applications that are listed between the two moments, both included."""

    def unseen(self, now: datetime, low: int, high: int) -> tuple[int, list[int]]:
        """(high without what is still to come, sorted positions in between that nobody may see at ``now``)."""


class Kept:
    """The run of applications that were laid ready one by one."""

    def __init__(self) -> None:
        self.rows: list[Application] = []
        self._late: list[tuple[datetime, Order]] = []

    def __len__(self) -> int:
        return len(self.rows)

    def order(self, at: int) -> Order:
        return self.rows[at].order

    def application(self, at: int) -> Application:
        return self.rows[at]

    def add(self, one: Application) -> None:
        insort(self.rows, one, key=_order)
        if one.visible_at is not None:
            insort(self._late, (one.visible_at, one.order))

    def remove(self, one: Application) -> None:
        del self.rows[bisect_left(self.rows, one.order, key=_order)]
        if one.visible_at is not None:
            del self._late[bisect_left(self._late, (one.visible_at, one.order))]

    def window(self, first: datetime, last: datetime) -> tuple[int, int]:
        return bisect_left(self.rows, first, key=_listed), bisect_right(self.rows, last, key=_listed)

    def unseen(self, now: datetime, low: int, high: int) -> tuple[int, list[int]]:
        to_come = self._late[bisect_right(self._late, now, key=lambda one: one[0]) :]
        places = sorted(bisect_left(self.rows, order, key=_order) for _, order in to_come)
        return high, [place for place in places if low <= place < high]


def _order(one: Application) -> Order:
    return one.order


def _listed(one: Application) -> datetime:
    return one.listed_at


@dataclass(frozen=True)
class Part:
    """[low, high) of one run without its gaps (sorted positions)."""

    run: Run
    low: int
    high: int
    gaps: Sequence[int] = ()

    def __len__(self) -> int:
        return self.high - self.low - len(self.gaps)

    def place(self, number: int) -> int:
        """The position in the run of the part's application ``number``."""
        before = bisect_right(range(len(self.gaps)), number, key=lambda gap: self.gaps[gap] - self.low - gap)
        return self.low + number + before

    def order(self, number: int) -> Order:
        return self.run.order(self.place(number))

    def application(self, number: int) -> Application:
        return self.run.application(self.place(number))

    def newest(self, most: int) -> Part:
        """The newest ``most`` of these, whatever is laid ready from now on."""
        if not isinstance(self.run, Kept):
            return self  # a function does not change
        first = self.place(max(0, len(self) - most)) if len(self) else self.high
        fixed = Kept()
        fixed.rows = self.run.rows[first : self.high]
        return Part(fixed, 0, len(fixed), [gap - first for gap in self.gaps if gap >= first])

    def rows(self, start: int, count: int) -> list[Application]:
        if not self.gaps and isinstance(self.run, Kept):
            return self.run.rows[self.low + start : min(self.low + start + count, self.high)]
        return [self.application(number) for number in range(start, min(start + count, len(self)))]


@dataclass(frozen=True)
class Matches:
    """Everything of one window, in order, at most two runs of it."""

    parts: tuple[Part, ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def rows(self, start: int, count: int) -> list[Application]:
        """``count`` applications from number ``start`` on, fewer at the end."""
        filled = [part for part in self.parts if len(part)]
        if len(filled) < 2:
            return filled[0].rows(start, count) if filled else []
        one, other = filled
        start = min(start, len(self))
        least, most = max(0, start - len(other)), min(start, len(one))
        taken = least + bisect_left(range(least, most), True, key=lambda i: other.order(start - i - 1) < one.order(i))
        return list(_merged(one, taken, other, start - taken, count))

    def newest(self, most: int) -> Iterator[list[Application]]:
        """The newest ``most`` from the end, a page at a time, as they are now: whoever reads may take their time."""
        kept = self._as_now(most)
        last = max(0, len(kept) - most)
        return (
            kept.rows(max(last, end - _PAGE), min(_PAGE, end - last))[::-1] for end in range(len(kept), last, -_PAGE)
        )

    def pages(self) -> Iterator[list[Application]]:
        """All, a page at a time, as they are now."""
        kept = self._as_now(len(self))
        return (kept.rows(start, _PAGE) for start in range(0, len(kept), _PAGE))

    def _as_now(self, most: int) -> Matches:
        return Matches(tuple(part.newest(most) for part in self.parts))

    def without(self, one: Application) -> Matches:
        """The same without ``one``; itself when ``one`` is not among them."""
        parts = []
        for part in self.parts:
            number = bisect_left(range(len(part)), one.order, key=part.order)
            if number < len(part) and part.order(number) == one.order:
                part = replace(part, gaps=sorted([*part.gaps, part.place(number)]))
            parts.append(part)
        return Matches(tuple(parts))


_PAGE = 100


def _merged(one: Part, i: int, other: Part, j: int, count: int) -> Iterator[Application]:
    first = one.application(i) if i < len(one) else None
    second = other.application(j) if j < len(other) else None
    for _ in range(count):
        if first is not None and (second is None or first.order < second.order):
            yield first
            i += 1
            first = one.application(i) if i < len(one) else None
        elif second is not None:
            yield second
            j += 1
            second = other.application(j) if j < len(other) else None
        else:
            return
