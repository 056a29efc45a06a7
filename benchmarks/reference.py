"""The reference product: ingest against a client that discards the bodies, two workers against one, a full database.

``SHINSEI_BENCH_STORED`` and ``SHINSEI_BENCH_COUNT`` change how many applications are stored before and taken in.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from time import perf_counter, sleep

import httpx
import psycopg

from benchmarks.measure import Result
from fixtures.hostile.draft import Draft
from fixtures.world import World
from interface_spec import control
from interface_spec.control import Job, JobState
from interface_spec.profile import load_profile
from mock_services.models import ApplicationMeta, Fault
from reference_impl.shinsei_kanri import download_client
from reference_impl.shinsei_kanri.download_client import DownloadClient, DownloadSettings
from testbed.crash_processes import Child, WorldProcess, start_product, start_world
from testbed.postgres import EmbeddedServer, embedded_server

COUNT = int(os.environ.get("SHINSEI_BENCH_COUNT", "300"))
STORED = int(os.environ.get("SHINSEI_BENCH_STORED", "1000000"))
FEW = 1000
LATENCY_MS = 50
ROUNDS = 3
TURNS = 4
"""Of product and peer, each the first in every other one: whoever comes first finds the world cold."""
POLL_SECONDS = 0.05
QUIET = 0.6
"""Of the seconds of the import before: so long the next one is certainly not done."""
WORKERS = os.cpu_count() or 1
"""Of the product that is measured against discarding: one a processor."""
_PRELOAD = (
    "CREATE TEMP TABLE n AS SELECT 'P' || lpad(i::text, 9, '0') AS r FROM generate_series(1, {count}) AS i;"
    "INSERT INTO applications (receipt_no, procedure_id, procedure_name, dantai_code, received_at, arrived_at,"
    " imported_at, applicant_kind, origin, ingestion, review, handover, version, quarantine_reason, package_size,"
    " package_sha256) SELECT r, 'K01', '', '', '2025-04-01', '2025-04-01', '2025-04-01', 'self', 'portal', 'stored',"
    " 'unreviewed', 'none', 1, '', 300, '' FROM n;"
    "INSERT INTO packages SELECT r, decode(repeat('00', 300), 'hex') FROM n;"
    "INSERT INTO form_items SELECT r, p, 'name', 'label', '', 1, 'value' FROM n, generate_series(0, 2) AS p;"
    "INSERT INTO verifications (receipt_no, result, reason, verified_at, name, birth_text, gender, address,"
    " name_substituted, address_substituted) SELECT r, 'valid', '', '2025-04-01', '', '', '', '', false, false FROM n;"
    "INSERT INTO persons SELECT r, 'signer', 'jido_teate', 'identified', 'serial', r, r, '[]', '[]' FROM n;"
    "INSERT INTO history (receipt_no, at, actor, what, reason) SELECT r, '2025-04-01', 'system', '', '' FROM n;"
    "DROP TABLE n; ANALYZE;"
)


@dataclass(frozen=True)
class Package:
    meta: ApplicationMeta
    body: bytes


class Supply:
    """Applications without end, each with its own 受付番号."""

    def __init__(self) -> None:
        self._world = World(seed=1, reference_date=date(2026, 11, 23))
        self._made = 0

    def some(self, count: int) -> list[Package]:
        return [self._next() for _ in range(count)]

    def _next(self) -> Package:
        self._made += 1
        prepared = self._world.prepared("k01-plain", f"bench/{self._made}")
        one = prepared.submission
        meta = ApplicationMeta(
            receipt_no=one.receipt_no,
            procedure_id=one.procedure.id,
            dantai_code=one.dantai_code,
            received_at=one.received_at,
            arrived_at=one.received_at,
        )
        return Package(meta, Draft(prepared, self._world.writer).write())


class Bench:
    def __init__(
        self, folder: Path, server: EmbeddedServer, supply: Supply, world: WorldProcess, now: datetime
    ) -> None:
        self.folder, self.server, self.supply, self.world, self.now = folder, server, supply, world, now
        self._databases = 0

    def database(self) -> str:
        self._databases += 1
        return self.server.create_database(f"{self.folder.name}-{self._databases}")

    def load(self, count: int) -> list[Package]:
        packages = self.supply.some(count)
        for one in packages:
            self.world.client.load_application(one.meta, one.body)
        return packages

    def product(self, stack: ExitStack, database: str, **more: str) -> Child:
        return stack.enter_context(start_product(self.folder, self.world, database, self.now, more))


def take_in(product: Child, quiet: float = 0.0) -> tuple[float, dict[str, int]]:
    """(seconds, counts) of one import; it is not asked for in the first ``quiet`` seconds, since asking costs as well."""
    with httpx.Client(base_url=product.url, headers=product.headers, trust_env=False, timeout=60) as http:
        start = perf_counter()
        job = Job.model_validate(http.post(control.IMPORTS).raise_for_status().json())
        sleep(quiet)
        while job.state is JobState.RUNNING:
            sleep(POLL_SECONDS)
            answer = http.get(control.JOB.format(job_id=job.job_id)).raise_for_status()
            job = Job.model_validate(answer.json())
        seconds = perf_counter() - start
    if job.state is not JobState.DONE:
        raise RuntimeError(job.message)
    return seconds, job.counts


def discard(bench: Bench, packages: Sequence[Package]) -> float:
    """Seconds of a client that makes the same GETs through the same relay and throws the bodies away."""
    settings = DownloadSettings(
        bench.world.endpoints.download_url,
        bench.world.endpoints.relay_url,
        Path(bench.world.endpoints.dl_ca_file),
        bench.world.dantai_code,
        "crash",
        "s3cret",
    )
    wanted = {one.meta.receipt_no for one in packages}
    start = perf_counter()
    client = DownloadClient(settings, load_profile(), sleep)
    listed, _ = client.list_procedure("K01", bench.now - timedelta(days=7), bench.now + timedelta(minutes=10))
    with ThreadPoolExecutor(download_client.CONCURRENT) as pool:
        for body, _ in pool.map(client.get_package, [row for row in listed if row.receipt_no in wanted]):
            assert body
    client.close()
    return perf_counter() - start


def ingest(bench: Bench) -> Result:
    """End to end against discarding, in turns; all applications of all turns by all their seconds."""
    count = 2 * COUNT
    ours, bound = list[float](), list[float]()
    with ExitStack() as stack:
        product = bench.product(stack, bench.database(), WORKERS=str(WORKERS))
        take_in(product)
        bench.load(count)
        quiet = QUIET * take_in(product)[0]  # also for the caches of both sides and of the database
        for turn in range(TURNS):
            packages = bench.load(count)
            if turn % 2:
                bound.append(discard(bench, packages))
            seconds, counts = take_in(product, quiet)
            if counts["stored"] != count:
                raise RuntimeError(f"{counts}: {count} 件のはずです / not all were stored")
            ours.append(seconds)
            if not turn % 2:
                bound.append(discard(bench, packages))
    return _result(
        "ingest",
        f"取込み（取得・検証・展開・格納・特定、ワーカー {WORKERS}）",
        TURNS * count / sum(ours),
        TURNS * count / sum(bound),
        "本文を捨てるだけの取得",
        0.5,
    )


def workers(bench: Bench) -> Result:
    """Two workers against one, with latency on every call."""
    rates = []
    bench.world.client.set_faults([Fault(name="latency", operation="get", params={"ms": LATENCY_MS})])
    for number in (1, 2):
        with ExitStack() as stack:
            database = bench.database()
            product = bench.product(stack, database, WORKERS="0")
            for _ in range(number):
                stack.enter_context(_worker(bench, database))
            take_in(product)
            bench.load(COUNT)
            rates.append(COUNT / take_in(product)[0])
    bench.world.client.clear_faults()
    return _result(
        "workers", f"ワーカー2つ（呼出しごとに {LATENCY_MS} ms の遅れ）", rates[1], rates[0], "ワーカー1つ", 1.6
    )


def _worker(bench: Bench, database: str) -> ExitStack:
    stack = ExitStack()
    stack.enter_context(start_product(bench.folder, bench.world, database, bench.now, command="worker"))
    return stack


def full(bench: Bench) -> Result:
    """The same import into a database with few and with many applications, in turns."""
    rates: dict[int, list[float]] = {FEW: [], STORED: []}
    with ExitStack() as stack:
        products = {}
        for stored in rates:
            database = bench.database()
            products[stored] = bench.product(stack, database)
            with psycopg.connect(database) as connection:
                connection.execute(_PRELOAD.format(count=stored))
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
            take_in(products[stored])
        for _ in range(ROUNDS):
            bench.load(COUNT)
            for stored, product in products.items():
                rates[stored].append(COUNT / take_in(product)[0])
    found = _result(
        "full", f"{STORED:,} 件を格納済みの取込み", max(rates[STORED]), max(rates[FEW]), f"{FEW:,} 件のとき", 0.9
    )
    return replace(found, name=f"stored-{STORED}")


def _result(name: str, ja: str, value: float, bound: float, bound_ja: str, least: float) -> Result:
    ratio = value / bound
    return Result(name, ja, value, "件/秒", bound, bound_ja, ratio, f"{least} 以上", ratio >= least)


def _benches() -> Iterator[Bench]:
    supply = Supply()
    (first,) = supply.some(1)
    now = first.meta.received_at + timedelta(hours=1)
    with embedded_server() as server, tempfile.TemporaryDirectory() as folder:
        for number in range(3):  # a world of its own for each measurement: lists do not grow from one to the next
            own = Path(folder) / f"bench{number}"
            own.mkdir()
            with start_world(own, first.meta.dantai_code, now) as world:
                yield Bench(own, server, supply, world, now)


def run() -> list[Result]:
    """All three measurements, each in a world of its own."""
    return [work(bench) for work, bench in zip((ingest, workers, full), _benches(), strict=True)]
