"""1,000,000 applications registered with the download function against 1,000: start, memory, p95 of the list over TLS."""

from __future__ import annotations

import random
import tempfile
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from time import perf_counter

import httpx

from benchmarks.measure import Result
from benchmarks.mocks import START, TIME, door, world

_FEW, _MANY, _CALLS, _PAGES = 1_000, 1_000_000, 300, 8


class _Town:
    """One world with so many applications, and the times of its list."""

    def __init__(self, folder: Path, count: int) -> None:
        self.times: list[float] = []
        self._draw, self._count = random.Random(count), count  # noqa: S311
        self._started = perf_counter()
        self._world = world(folder, {"seed": 1, "applications": count}, pin=False)
        endpoints, _, self.pid = self._world.__enter__()
        self.start_seconds = perf_counter() - self._started
        base, headers, _ = door(endpoints)
        self._client = httpx.Client(base_url=base, headers=headers, verify=False, trust_env=False, timeout=60)  # noqa: S501
        window = {"receivedFrom": (START - timedelta(days=40)).strftime(TIME), "receivedTo": START.strftime(TIME)}
        self._queries = [window | {"offset": str(self._offset())} for _ in range(_PAGES)]
        self._queries += [one | {"procedureId": "K02"} for one in self._queries]
        for query in self._queries:
            assert len(self._page(query)) > 0

    def _offset(self) -> int:
        return self._draw.randrange(self._count // 40)

    def _page(self, query: dict[str, str]) -> list[object]:
        answer = self._client.get("/api/v1/applications", params=query)
        found: list[object] = answer.raise_for_status().json()["items"]
        return found

    def ask(self) -> None:
        query = self._draw.choice(self._queries)
        start = perf_counter()
        self._page(query)
        self.times.append(perf_counter() - start)

    def p95(self) -> float:
        return quantiles(self.times, n=20)[-1] * 1000

    def memory_mib(self) -> float:
        """Peak so far (Linux)."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def close(self) -> None:
        self._client.close()
        self._world.__exit__(None, None, None)


def run() -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="shinsei-bench-") as name:
        towns = []
        try:
            for count in (_FEW, _MANY):
                folder = Path(name) / str(count)
                folder.mkdir()
                towns.append(_Town(folder, count))
            for _ in range(_CALLS):
                for one in towns:
                    one.ask()
            few, many = towns
            p95, bound, memory = many.p95(), few.p95(), many.memory_mib()
        finally:
            for one in towns:
                one.close()
    return [
        Result(
            "start", "申請 1,000,000 件のダウンロード機能が応答するまで", many.start_seconds, "秒", 5.0, "目標値",
            many.start_seconds / 5, "≤ 5 秒", many.start_seconds <= 5,
        ),
        Result(
            "memory", "申請 1,000,000 件の最大メモリ（一覧の後）", memory, "MiB", 300.0, "目標値", memory / 300,
            "< 300 MiB", memory < 300,
        ),
        Result(
            "list-p95", "申請 1,000,000 件の一覧 p95（TLS、100件の頁と手続の絞込み）", p95, "ms", bound, "1,000 件のとき",
            p95 / bound, "≤ 2", p95 <= 2 * bound,
        ),
    ]  # fmt: skip
