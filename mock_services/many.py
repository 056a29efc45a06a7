"""Applications in any number: application i of a town is a function of (seed, date, count, i); nothing of it is stored.

They are spread evenly over the days before the world's start, and one in 25 arrives up to two hours late (二次情報: a city says so).
Up to a thousand, the fixtures' own factory makes every package. Of more, it makes those of one round of all procedures, and
each application is one of these with its own 受付番号 and 受付日時 (`mock_services.molds`), filled in when size, digest or bytes
are asked for: so few are made before the first call comes. What is changed (処理状況) or replaced moves to the store's
overlay. How they are spread, and that the same people apply again, is 仮定.
"""

from __future__ import annotations

import hashlib
from base64 import b32decode, b32encode
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Event, Lock

import mock_services.portal  # noqa: F401 - imports fixtures where its ring resolves
from fixtures.draw import Draw
from fixtures.outline import travelling_procedures
from fixtures.people.mixing import Scramble
from fixtures.population import Population
from interface_spec.errors import SpecError
from interface_spec.profile import Profile
from mock_services.download.shelf import Application, Order
from mock_services.molds import Mold, MoldFactory, Stating

_LEAST_SPAN = timedelta(days=30)
_MOST_APART = timedelta(minutes=30)
_LATE_ONE_IN = 25
_SOON, _LATEST = (60, 300), (1800, 7200)
_HALF = 1 << 20  # receipt numbers: a scrambled 40-bit number, eight letters of base 32
_MASK = (1 << 64) - 1
_KNOWN = 20_000
_ALL_DIFFERENT = 1_000
"""Applications up to which no two have the same content."""
_ANY_TAIL = "ABCDEFGH"
_NAP_SECONDS = 0.005


@dataclass(frozen=True)
class Made:
    """A package that is made whenever its bytes are asked for; size and digest are remembered."""

    many: Many
    index: int
    receipt_no: str
    received_at: datetime
    path: Path | None = None
    _seen: dict[str, int | str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return int(self._look()["size"])

    @property
    def sha256(self) -> str:
        return str(self._look()["sha256"])

    @property
    def at_hand(self) -> bool:
        return self.many.has_mold(self.index)

    def prepare(self) -> None:
        self.many.mold_now(self.index)

    def read(self) -> bytes:
        return self.many.pack(self.index, self.receipt_no, self.received_at)

    def _look(self) -> dict[str, int | str]:
        if not self._seen:
            data = self.read()
            self._seen.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
        return self._seen


class Many:
    """``count`` applications of the population's town, the newest received just before ``until``."""

    def __init__(
        self,
        population: Population,
        profile: Profile,
        count: int,
        until: datetime,
        as_listed: Callable[[datetime], datetime],
    ) -> None:
        """``as_listed``: 受付日時 in the precision of the wire. SpecError when the profile's 受付番号 is too short."""
        length = profile.package.documents["application"].items["receipt_no"].length
        if length is not None and length < 14:
            raise SpecError(
                f"profile {profile.profile.id}",
                "package.documents.application.items.receipt_no.length",
                "多数の申請には 14 以上が要ります / many applications need 14 or more",
            )
        self.dantai_code = population.municipality.dantai_code
        self.count = count
        self._factory = MoldFactory(population, profile)
        self._stating = Stating(profile)
        self._molds: dict[int, Mold | None] = {}
        self._making = Lock()
        self._hurried: list[int] = []
        draw = Draw("many", population.draw.digest("many").hex())
        self._key = int.from_bytes(draw.digest("key"), "big")
        self._scramble = Scramble.drawn(draw, "receipt", _HALF, _HALF)
        procedures = travelling_procedures()
        self.cycle = draw.shuffled("procedures", procedures * 3)
        self.mold_count = count if count <= _ALL_DIFFERENT else len(self.cycle)
        self._made = 0
        span = min(count * _MOST_APART, max(_LEAST_SPAN, timedelta(seconds=count)))
        self._seconds = int(span.total_seconds())
        self._first = until.replace(microsecond=0) - span
        self._prefix = f"{until:%y%m%d}"
        self._as_listed = as_listed
        moments = [self._first + timedelta(seconds=one) for one in (1, 61, 3661)]
        self._exact = [as_listed(one) for one in moments] == moments  # whole seconds have their wire form
        self.taken: set[int] = set()
        self._runs: dict[str | None, ManyRun] = {}
        self._to_come = _ToCome(self)
        self.application = lru_cache(_KNOWN)(self._application)

    # ── the function ──────────────────────────────────────────────────────
    def received_at(self, index: int) -> datetime:
        """Never decreasing in ``index``; whole seconds."""
        start, end = index * self._seconds // self.count, (index + 1) * self._seconds // self.count
        return self._first + timedelta(seconds=start + self._mixed(index) % max(1, end - start))

    def arrived_at(self, index: int) -> datetime:
        return self.received_at(index) + self._on_its_way(index)

    def _on_its_way(self, index: int) -> timedelta:
        chance = self._mixed(index) >> 24
        low, high = _LATEST if chance % _LATE_ONE_IN == 0 else _SOON
        return timedelta(seconds=low + (chance >> 8) % (high - low + 1))

    def procedure_id(self, index: int) -> str:
        return self.cycle[index % len(self.cycle)]

    def receipt_no(self, index: int) -> str:
        return self._prefix + b32encode(self._scramble.one(index).to_bytes(5, "big")).decode()

    def index_of(self, receipt_no: str) -> int | None:
        """Whose 受付番号 this is; None for nobody's."""
        if len(receipt_no) != len(self._prefix) + 8 or not receipt_no.startswith(self._prefix):
            return None
        try:
            index = self._scramble.one_back(int.from_bytes(b32decode(receipt_no.removeprefix(self._prefix)), "big"))
        except ValueError:
            return None
        return index if index < self.count else None

    def _application(self, index: int) -> Application:
        received_at, receipt_no = self.received_at(index), self.receipt_no(index)
        arrived_at = received_at + self._on_its_way(index)
        return Application(
            receipt_no=receipt_no,
            procedure_id=self.procedure_id(index),
            dantai_code=self.dantai_code,
            received_at=received_at,
            arrived_at=arrived_at,
            visible_at=arrived_at,
            status="processing",
            package=Made(self, index, receipt_no, received_at),
            listed_at=received_at if self._exact else self._as_listed(received_at),
        )

    # ── its packages ──────────────────────────────────────────────────────
    def pack(self, index: int, receipt_no: str, received_at: datetime) -> bytes:
        """The ZIP of application ``index``: microseconds when its mold is there (see `prepare`)."""
        mold, texts = self.mold(index), self._stating.texts(receipt_no, received_at)
        if mold is not None and mold.fits(texts):
            return mold.filled(texts, received_at)
        return self._factory.in_full(index % self.mold_count, self.procedure_id(index), receipt_no, received_at)

    def has_mold(self, index: int) -> bool:
        return index % self.mold_count in self._molds

    def mold(self, index: int) -> Mold | None:
        """What application ``index`` is made of, made now when it is not there; None when the profile allows none."""
        number = index % self.mold_count
        with self._making:
            if number not in self._molds:
                receipt_no = self._prefix + _ANY_TAIL
                self._molds[number] = self._factory.mold(number, self.procedure_id(number), receipt_no, self._stating)
            return self._molds[number]

    def mold_now(self, index: int) -> None:
        """The same for a call that waits for it: `prepare` lets it pass."""
        self._hurried.append(index)
        try:
            self.mold(index)
        finally:
            self._hurried.pop()

    def prepare(self, stop: Event) -> None:
        """Make every mold, with breaks that leave the processor to the calls, until ``stop`` is set; for a thread."""
        while True:
            while not stop.wait(_NAP_SECONDS) and self._hurried:
                pass
            if stop.is_set() or not self.prepare_one():
                return

    def prepare_one(self) -> bool:
        """Make the next mold; False when all are there."""
        if self._made == self.mold_count:
            return False
        self.mold(self._made)
        self._made += 1
        return True

    def _mixed(self, index: int) -> int:
        """64 well-mixed bits (splitmix64)."""
        z = (index * 0x9E3779B97F4A7C15 + self._key) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def reached(self, moment: datetime, *, past: bool = False) -> int:
        """How many were received before ``moment`` (``past``: or at it)."""
        side = bisect_right if past else bisect_left
        return side(range(self.count), moment, key=self.received_at)

    def listed_until(self, moment: datetime) -> int:
        """How many are listed at ``moment`` or before, in the precision of the wire."""
        index = self.reached(moment, past=True)
        while index < self.count and self._as_listed(self.received_at(index)) <= moment:
            index += 1
        return index

    # ── as the store's register ───────────────────────────────────────────
    def run(self, procedure_id: str | None) -> ManyRun:
        if procedure_id not in self._runs:
            self._runs[procedure_id] = ManyRun(self, procedure_id)
        return self._runs[procedure_id]

    def find(self, receipt_no: str) -> Application | None:
        index = self.index_of(receipt_no)
        return None if index is None or index in self.taken else self.application(index)

    def take(self, receipt_no: str) -> None:
        index = self.index_of(receipt_no)
        if index is None or index in self.taken:
            return
        self.taken.add(index)
        for run in self._runs.values():
            run.take(index)

    def to_come(self, now: datetime) -> tuple[int, list[int]]:
        """(how many were received by ``now``, sorted indexes of those that have not arrived yet)."""
        return self._to_come.at(now)


class ManyRun:
    """The population, or those of one procedure, in order; a position is the index's place among them."""

    def __init__(self, many: Many, procedure_id: str | None) -> None:
        self._many = many
        cycle = many.cycle if procedure_id is not None else (None,)
        self._round = len(cycle)
        self._mine = [place for place, one in enumerate(cycle) if one == procedure_id]
        self._taken = sorted(self._place(one) for one in many.taken if self._has(one))

    def take(self, index: int) -> None:
        if self._has(index):
            insort(self._taken, self._place(index))

    def __len__(self) -> int:
        return self._place(self._many.count)

    def _has(self, index: int) -> bool:
        return index % self._round in self._mine

    def _place(self, index: int) -> int:
        """How many of this run stand before ``index``."""
        rounds, rest = divmod(index, self._round)
        return rounds * len(self._mine) + bisect_left(self._mine, rest)

    def _index(self, at: int) -> int:
        rounds, rest = divmod(at, len(self._mine))
        return rounds * self._round + self._mine[rest]

    def order(self, at: int) -> Order:
        index = self._index(at)
        return self._many.received_at(index), self._many.receipt_no(index)

    def application(self, at: int) -> Application:
        return self._many.application(self._index(at))

    def window(self, first: datetime, last: datetime) -> tuple[int, int]:
        # A bound is on the precision of the wire, so nothing received before it is listed at it.
        return self._place(self._many.reached(first)), self._place(self._many.listed_until(last))

    def unseen(self, now: datetime, low: int, high: int) -> tuple[int, list[int]]:
        received, to_come = self._many.to_come(now)
        high = min(high, self._place(received))
        taken = self._taken[bisect_left(self._taken, low) : bisect_left(self._taken, high)]
        late = [place for one in to_come if self._has(one) and low <= (place := self._place(one)) < high]
        return high, sorted({*taken, *late}) if late else taken


class _ToCome:
    """Who was received and has not arrived; goes on with the clock, and starts over when the clock was set back."""

    def __init__(self, many: Many) -> None:
        self._many = many
        self._now: datetime | None = None
        self._received = 0
        self._waiting: list[tuple[int, datetime]] = []

    def at(self, now: datetime) -> tuple[int, list[int]]:
        many = self._many
        if self._now is None or now < self._now:
            self._received, self._waiting = many.reached(now - timedelta(seconds=_LATEST[1])), []
        self._now = now
        while self._received < many.count and many.received_at(self._received) <= now:
            self._waiting.append((self._received, many.arrived_at(self._received)))
            self._received += 1
        self._waiting = [one for one in self._waiting if one[1] > now]
        return self._received, [index for index, _ in self._waiting]
