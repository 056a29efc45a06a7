"""③-1 under disturbances: what the product does when the download function, the relay or the network misbehave."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from fixtures.world import World
from interface_spec import control
from interface_spec.control import ApplicationPage, Job, JobState
from mock_services.models import ApplicationMeta, Fault
from testbed.postgres import EmbeddedServer
from tests.reference_impl.product import (
    Product,
    Running,
    child,
    product_environment,
    running_product,
    running_world,
    start_of,
)


class Bench:
    def __init__(self, running: Running, product: Product) -> None:
        self.running, self.product = running, product
        self._next = iter(range(1, 30))

    def fresh(self, count: int = 1) -> list[str]:
        numbers = [next(self._next) for _ in range(count)]
        names = ["k01-plain" if number == 1 else f"k01-plain#{number}" for number in numbers]
        return [case.receipt_no for case in self.running.load(*names)]


@pytest.fixture(scope="module")
def module_bench(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    world = World(seed=9, reference_date=date(2026, 11, 23))
    url = server.create_database("faults")
    with running_world(tmp_path_factory.mktemp("world"), world, start_of(world)) as running:
        running.put_registers()
        with running_product(running, url, start_of(world)) as product:
            product.sync()
            yield Bench(running, product)


@pytest.fixture
def bench(module_bench: Bench) -> Iterator[Bench]:
    yield module_bench
    module_bench.running.client.clear_faults()


def fault(name: str, operation: str = "*", times: int | None = None, **params: object) -> Fault:
    return Fault(name=name, operation=operation, times=times, params=params)


@pytest.mark.parametrize(
    "disturbance",
    [
        fault("expire-token", after_calls=1),
        fault("too-many", "get", 2, retry_after=1),
        fault("truncate", "get", 1, bytes=100),
        fault("wrong-digest", "get", 1),
        fault("reset", "get", 1),
        fault("reset", "list", 1),
        fault("error-without-json", "get", 1, status=500),
        fault("error-without-json", "list", 1, status=502),
        fault("duplicate-rows", "list"),
        fault("page-limit", "list", n=1),
        fault("latency", "get", 1, ms=50),
    ],
    ids=lambda one: f"{one.name}-{one.operation}",
)
def test_passing_disturbance_is_overcome_in_the_same_import(bench: Bench, disturbance: Fault) -> None:
    (receipt_no,) = bench.fresh()
    bench.running.client.set_faults([disturbance])
    job = bench.product.import_now()
    assert job.state is JobState.DONE, job.message
    assert job.counts["stored"] == 1
    assert bench.product.application(receipt_no).receipt_no == receipt_no
    assert bench.running.client.faults()[0].applied >= 1


@pytest.mark.parametrize(
    "disturbance",
    [
        fault("maintenance"),
        fault("maintenance", "get"),
        fault("tls", variant="untrusted"),
        fault("tls", variant="wrong-host"),
        fault("tls", variant="expired"),
        fault("tls", variant="missing-intermediate"),
        fault("error-without-json", "login", status=500),
    ],
    ids=lambda one: f"{one.name}-{one.operation}-{one.params.get('variant', '')}",
)
def test_lasting_disturbance_fails_clearly_and_the_next_import_loses_nothing(bench: Bench, disturbance: Fault) -> None:
    (receipt_no,) = bench.fresh()
    bench.running.client.set_faults([disturbance])
    job = bench.product.import_now()
    assert job.state is JobState.FAILED
    assert " / " in job.message
    bench.running.client.clear_faults()
    assert bench.product.import_now().counts["stored"] == 1
    assert bench.product.application(receipt_no).receipt_no == receipt_no


def test_lasting_wrong_digest_is_reported_and_left_for_the_next_import(bench: Bench) -> None:
    (receipt_no,) = bench.fresh()
    bench.running.client.set_faults([fault("wrong-digest", "get")])
    job = bench.product.import_now()
    assert job.state is JobState.DONE
    assert job.counts["failed"] == 1
    assert receipt_no in job.message
    bench.running.client.clear_faults()
    assert bench.product.import_now().counts["stored"] == 1


def test_shifting_pages_hide_nothing(bench: Bench) -> None:
    wanted = bench.fresh(3)
    bench.running.client.set_faults([fault("page-limit", "list", n=2), fault("shift", "list", 1)])
    assert bench.product.import_now().counts["stored"] == len(wanted)


def test_relay_away_means_no_import_and_no_other_way(bench: Bench) -> None:
    (receipt_no,) = bench.fresh()
    bench.running.client.relay_stop()
    job = bench.product.import_now()
    assert job.state is JobState.FAILED
    assert "連携サーバ" in job.message
    bench.running.client.relay_start()
    assert bench.product.import_now().counts["stored"] == 1
    assert bench.product.application(receipt_no).receipt_no == receipt_no
    assert bench.running.client.direct_connections() == []


def test_window_reaches_back_for_late_arrivals(bench: Bench) -> None:
    case = bench.running.world.case("k01-plain#29")
    late = case.received_at - timedelta(days=3)
    meta = ApplicationMeta(
        receipt_no=case.receipt_no,
        procedure_id=case.procedure_id,
        dantai_code=case.dantai_code,
        received_at=late,
        arrived_at=late,
    )
    bench.running.client.load_application(meta, case.zip_bytes)
    assert bench.product.import_now().counts["stored"] == 1
    assert bench.product.application(case.receipt_no).received_at == late


def test_killed_in_the_middle_and_started_again(server: EmbeddedServer, tmp_path: Path) -> None:
    """Nothing is lost and nothing stands twice, wherever the kill struck."""
    world = World(seed=10, reference_date=date(2026, 11, 23))
    url, now = server.create_database("killed"), start_of(world)
    with running_world(tmp_path, world, now) as running:
        running.put_registers()
        cases = running.load("k01-plain", *(f"k01-plain#{number}" for number in range(2, 13)))
        running.client.set_faults([fault("latency", "get", ms=150)])
        with running_product(running, url, now) as product:
            product.http.post(control.IMPORTS).raise_for_status()
            while not 1 <= len(stored(product)) < len(cases):
                time.sleep(0.01)
            product.kill()
            with pytest.raises(httpx.TransportError):
                product.http.get(control.HEALTH)
        running.client.clear_faults()
        with running_product(running, url, now) as product:
            before = stored(product)
            assert len(before) >= 1
            resumed = product.import_now()
            assert (resumed.state, resumed.counts["stored"]) == (JobState.DONE, len(cases))
            assert sorted(stored(product)) == sorted(case.receipt_no for case in cases)
            assert product.import_now().counts["new"] == 0


def test_another_worker_takes_over_what_a_killed_one_left(server: EmbeddedServer, tmp_path: Path) -> None:
    """The product without a worker of its own, two workers beside it, one of them killed in the middle."""
    world = World(seed=11, reference_date=date(2026, 11, 23))
    url, now = server.create_database("workers"), start_of(world)
    with running_world(tmp_path, world, now) as running:
        running.put_registers()
        cases = running.load("k01-plain", *(f"k01-plain#{number}" for number in range(2, 33)))
        running.client.set_faults([fault("latency", "get", ms=100)])
        environment = product_environment(running, url, now, tmp_path / "worker-ready.json")
        with running_product(running, url, now, more={"WORKERS": "0"}) as product:
            first = child("reference_impl.shinsei_kanri", "worker", env=environment)
            with first as killed, child("reference_impl.shinsei_kanri", "worker", env=environment):
                wait_for_workers(url, 2)
                job = Job.model_validate(product.http.post(control.IMPORTS).raise_for_status().json())
                while not 5 <= len(stored(product)) < len(cases):
                    time.sleep(0.01)
                killed.kill()
                done = product.wait(job)
            assert (done.state, done.counts["stored"]) == (JobState.DONE, len(cases)), done
            assert sorted(stored(product)) == sorted(case.receipt_no for case in cases)
            gets = [one for one in running.client.exchanges(system="download") if one.operation == "login"]
            assert 2 <= len(gets) <= 3


def stored(product: Product) -> list[str]:
    page = ApplicationPage.model_validate(product.http.get(control.APPLICATIONS).raise_for_status().json())
    return [one.receipt_no for one in page.items]


def wait_for_workers(database_url: str, count: int) -> None:
    """Until so many take jobs: one that is not there yet would leave all of them to the others."""
    deadline = time.monotonic() + 30
    with psycopg.connect(database_url, autocommit=True) as connection:
        while connection.execute("SELECT count(*) FROM procrastinate_workers").fetchone() != (count,):
            assert time.monotonic() < deadline, "the workers do not start"
            time.sleep(0.02)


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_workers_are_processes_that_share_an_import_and_end_with_the_product(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    world = World(seed=12, reference_date=date(2026, 11, 23))
    url, now = server.create_database("siblings"), start_of(world)
    with running_world(tmp_path, world, now) as running:
        running.put_registers()
        cases = running.load("k01-plain", *(f"k01-plain#{number}" for number in range(2, 33)))
        running.client.set_faults([fault("latency", "get", ms=100)])
        with running_product(running, url, now, more={"WORKERS": "3"}) as product:
            siblings = children(product.pid)
            assert len(siblings) == 2
            wait_for_workers(url, 3)
            job = product.import_now()
            assert (job.state, job.counts["stored"]) == (JobState.DONE, len(cases)), job
            logins = [one for one in running.client.exchanges(system="download") if one.operation == "login"]
            assert 2 <= len(logins) <= 3
            product.kill()
            deadline = time.monotonic() + 20
            while alive(siblings):
                assert time.monotonic() < deadline, "a worker outlives the product"
                time.sleep(0.05)
