"""1,000,000 applications registered with the download function against 1,000: start, memory, p95 of the list over TLS.

The p95 of pages that were asked for before, and of pages that nobody has seen: right after the start (against 1,000 that had
all the time they wanted) and later. And whether another client has to wait while somebody looks at page after page that nobody
has seen.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from time import perf_counter

import httpx

from benchmarks.measure import Result
from benchmarks.mocks import START, TIME, door, world

_FEW, _MANY, _CALLS, _PAGES = 1_000, 1_000_000, 300, 8
_LIMIT, _SHORT, _NEW, _FIRST = 100, 20, 40, 200
_IDLE_TICKS = 5
_READERS = 4
Query = dict[str, str]


class _Town:
    """One world with so many applications; the first looks begin as soon as it answers."""

    def __init__(self, folder: Path, count: int) -> None:
        self._draw = random.Random(count)  # noqa: S311
        started = perf_counter()
        self._world = world(folder, {"seed": 1, "applications": count}, pin=False)
        endpoints, _, self.pid = self._world.__enter__()
        self.start_seconds = perf_counter() - started
        self._base, self._headers, _ = door(endpoints)
        self._client = self._connection()
        self._window = {"receivedFrom": (START - timedelta(days=40)).strftime(TIME), "receivedTo": START.strftime(TIME)}
        self._count = count
        pages = range(count // _LIMIT - 1)
        self._seen = [self._window | {"offset": str(self._draw.choice(pages) * _LIMIT)} for _ in range(_PAGES)]
        self._seen += [one | {"procedureId": "K02", "offset": "0"} for one in self._seen[:1]]
        self._asked: set[int] = set()

    def _connection(self) -> httpx.Client:
        return httpx.Client(base_url=self._base, headers=self._headers, verify=False, trust_env=False, timeout=60)  # noqa: S501

    def _ask(self, client: httpx.Client, query: Query) -> float:
        start = perf_counter()
        answer = client.get("/api/v1/applications", params=query)
        seconds = perf_counter() - start
        assert len(answer.raise_for_status().json()["items"]) > 0
        return seconds

    def seen(self) -> float:
        """Seconds of one page that was asked for before (from the second round on)."""
        return self._ask(self._client, self._draw.choice(self._seen))

    def look_once(self) -> None:
        """Ask for what `seen` will ask for."""
        for query in self._seen:
            self._ask(self._client, query)

    def new(self, limit: int = _LIMIT) -> float:
        """Seconds of one page of ``limit`` rows none of which anybody has asked for."""
        while True:
            offset = self._draw.randrange(self._count // limit - 1) * limit
            rows = range(offset, offset + limit)
            if self._asked.isdisjoint(rows):
                self._asked.update(rows)
                return self._ask(self._client, self._window | {"offset": str(offset), "limit": str(limit)})

    def settle(self) -> None:
        """Wait until the world has nothing more to do by itself (Linux)."""
        while True:
            before = self._cpu()
            time.sleep(1)
            if self._cpu() - before < _IDLE_TICKS:
                return

    def _cpu(self) -> int:
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def beside(self, other: Callable[[], object]) -> list[float]:
        """Seconds of one page asked for before, while a second client goes on with ``other``."""
        stop = threading.Event()

        def keep_asking() -> None:
            while not stop.is_set():
                other()

        thread = threading.Thread(target=keep_asking)
        thread.start()
        try:
            with self._connection() as client:
                self._ask(client, self._seen[0])
                return [self._ask(client, self._seen[0]) for _ in range(_CALLS)]
        finally:
            stop.set()
            thread.join()

    def memory_mib(self) -> float:
        """Peak so far (Linux)."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def stop_seconds(self) -> float:
        """From SIGTERM to the end of the process, with clients in the middle of reading (Linux)."""
        threads = [threading.Thread(target=self._read_on) for _ in range(_READERS)]
        for one in threads:
            one.start()
        time.sleep(0.5)
        start = perf_counter()
        os.kill(self.pid, signal.SIGTERM)
        while "Z" not in Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]:
            time.sleep(0.002)
        seconds = perf_counter() - start
        for one in threads:
            one.join()
        return seconds

    def _read_on(self) -> None:
        with self._connection() as client, suppress(httpx.TransportError):
            while True:
                self._ask(client, self._seen[0])

    def close(self) -> None:
        self._client.close()
        self._world.__exit__(None, None, None)


def _p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20)[-1] * 1000


def run() -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="shinsei-bench-") as name:
        towns = []
        try:
            for count in (_FEW, _MANY):
                folder = Path(name) / str(count)
                folder.mkdir()
                towns.append(_Town(folder, count))
            few, many = towns
            first = [many.new(_SHORT) for _ in range(_FIRST)]
            for one in towns:
                one.settle()
            company = [_p95(one.beside(ask)) for one, ask in ((few, few.seen), (many, many.new))]
            of_few: list[list[float]] = [[], []]
            of_many: list[list[float]] = [[], []]
            for _ in range(_NEW):
                of_few[1].append(few.new(_SHORT))
                of_many[1].append(many.new(_SHORT))
            for one in towns:
                one.look_once()
            for _ in range(_CALLS):
                of_few[0].append(few.seen())
                of_many[0].append(many.seen())
            (bound, bound_new), (p95, p95_new) = map(_p95, of_few), map(_p95, of_many)
            memory, p95_first = many.memory_mib(), _p95(first)
            stop_seconds = many.stop_seconds()
        finally:
            for one in towns:
                one.close()
    return [
        Result(
            "start", "申請 1,000,000 件のダウンロード機能が応答するまで", many.start_seconds, "秒", 5.0, "目標値",
            many.start_seconds / 5, "≤ 5 秒", many.start_seconds <= 5,
        ),
        Result(
            "stop", "申請 1,000,000 件の世界を、利用者が一覧を読んでいる間に止めてから終わるまで", stop_seconds, "秒", 2.0, "目標値",
            stop_seconds / 2, "≤ 2 秒", stop_seconds <= 2,
        ),
        Result(
            "memory", "申請 1,000,000 件の最大メモリ（一覧の後）", memory, "MiB", 300.0, "目標値", memory / 300,
            "< 300 MiB", memory < 300,
        ),
        Result(
            "list-p95", "申請 1,000,000 件の一覧 p95（TLS、100件の頁、見たことのある頁）", p95, "ms", bound, "1,000 件のとき",
            p95 / bound, "≤ 2", p95 <= 2 * bound,
        ),
        Result(
            "list-p95-new", "同じ、誰も見たことのない 20 件の頁ばかり", p95_new, "ms", bound_new, "1,000 件のとき、同じく",
            p95_new / bound_new, "≤ 2", p95_new <= 2 * bound_new,
        ),
        Result(
            "list-p95-first", "同じ、起動の直後", p95_first, "ms", bound_new, "1,000 件のとき、すべて準備した後",
            p95_first / bound_new, "≤ 2", p95_first <= 2 * bound_new,
        ),
        Result(
            "beside-new", "別の利用者が誰も見たことのない 100 件の頁を次々に見る間の一覧 p95", company[1], "ms", company[0],
            "1,000 件のとき、別の利用者は見たことのある頁を見る", company[1] / company[0], "≤ 2", company[1] <= 2 * company[0],
        ),
    ]  # fmt: skip
