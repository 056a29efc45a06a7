"""``make crash``: the reference product killed at random moments, PostgreSQL too; nothing lost, nothing twice, nothing half.

    python -m testbed.crash --kills 200 --seed 1

Every round starts the product, lets it import, review and hand over at the same time, and kills it with SIGKILL. In some
rounds a PostgreSQL process is killed as well, so that the server goes through its own crash recovery.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path

import httpx
import psycopg

from fixtures.cases.model import Case
from fixtures.world import World
from interface_spec import control
from interface_spec.control import (
    ApplicationDetail,
    ApplicationPage,
    Handover,
    Ingestion,
    Job,
    JobState,
    PersonState,
    Review,
)
from mock_services.control import WorldClient
from mock_services.models import ApplicationMeta, PullPlan
from testbed.counterexample import Counterexample, keep
from testbed.crash_processes import CORE, HANDOVER_KEY, Child, start_product, start_world
from testbed.postgres import EmbeddedServer, embedded_server

PER_ROUND = 4
PER_WORLD = 32
SECONDS = (0.02, 1.5)
POSTGRES_SHARE = 0.15
PATIENCE = 120.0
ORDER = {Review.UNREVIEWED: 0, Review.REVIEWING: 1, Review.COMPLETED: 2}
GONE = (httpx.TransportError, httpx.HTTPStatusError)


class Violation(AssertionError):
    """A promise was broken. One sentence."""


class Ledger:
    """What the outside was told, and may therefore rely on."""

    def __init__(self) -> None:
        self.cases: dict[str, Case] = {}
        self.reviews: dict[str, Review] = {}
        self.acknowledged: set[str] = set()
        self.withdrawn: set[str] = set()
        self.violations: list[str] = []

    def broken(self, what: str) -> None:
        if what not in self.violations:
            self.violations.append(what)


def cases(seed: int) -> Iterator[Case]:
    """Applications without end: one world after the other, all of one 団体."""
    while True:
        world = World(seed=seed, reference_date=date(2026, 11, 23))
        yield world.case("k01-plain")
        yield from (world.case(f"k01-plain#{number}") for number in range(2, PER_WORLD + 1))
        seed += 1


def load(client: WorldClient, ledger: Ledger, new: Sequence[Case]) -> None:
    for case in new:
        meta = ApplicationMeta(
            receipt_no=case.receipt_no,
            procedure_id=case.procedure_id,
            dantai_code=case.dantai_code,
            received_at=case.received_at,
            arrived_at=case.arrived_at,
        )
        client.load_application(meta, case.zip_bytes)
        ledger.cases[case.receipt_no] = case


class Actors:
    """Harness, staff and core system at work on one life of the product."""

    def __init__(self, product: Child, world: WorldClient, ledger: Ledger) -> None:
        self._url, self._world, self._ledger = product.url, world, ledger
        self._http = httpx.Client(base_url=product.url, headers=product.headers, trust_env=False, timeout=30)

    def close(self) -> None:
        self._http.close()

    def run_import(self) -> Job:
        return self._run(control.IMPORTS)

    def run_sync(self) -> Job:
        return self._run(control.SYNC)

    def _run(self, path: str) -> Job:
        job = Job.model_validate(self._http.post(path).raise_for_status().json())
        while job.state is JobState.RUNNING:
            time.sleep(0.02)
            answer = self._http.get(control.JOB.format(job_id=job.job_id)).raise_for_status()
            job = Job.model_validate(answer.json())
        return job

    def details(self) -> list[ApplicationDetail]:
        found: list[ApplicationDetail] = []
        page = ApplicationPage.model_validate(self._get(control.APPLICATIONS, limit=1000))
        if len({one.receipt_no for one in page.items}) != len(page.items):
            self._ledger.broken("a receipt number stands twice in the list")
        for one in page.items:
            path = control.APPLICATION.format(receipt_no=one.receipt_no)
            found.append(ApplicationDetail.model_validate(self._get(path)))
        return found

    def _get(self, path: str, **query: int) -> object:
        return self._http.get(path, params=query).raise_for_status().json()

    def review_all(self) -> None:
        """Staff take every application that is not through a step or two further."""
        acknowledged = frozenset(self._ledger.acknowledged)  # before we look: later ones need not show yet
        for one in self.details():
            check_whole(one, self._ledger, acknowledged)
            for to in (Review.REVIEWING, Review.COMPLETED):
                if one.handover is Handover.DELIVERED or ORDER.get(one.review, 9) >= ORDER[to]:
                    continue
                if to is Review.COMPLETED:
                    self._decide(one)
                path = control.REVIEW.format(receipt_no=one.receipt_no)
                answer = self._http.post(path, json={"to": to.value})
                if answer.status_code == 200:
                    self._ledger.reviews[one.receipt_no] = to

    def withdraw(self) -> None:
        """The applicant of the first application that has not gone to the core system takes it back; staff register it."""
        for one in sorted(self.details(), key=lambda each: each.receipt_no):
            if one.handover is not Handover.DELIVERED and one.review is not Review.WITHDRAWN:
                change = {"to": Review.WITHDRAWN.value, "reason": "試験"}
                answer = self._http.post(control.REVIEW.format(receipt_no=one.receipt_no), json=change)
                if answer.status_code == 200:
                    self._ledger.withdrawn.add(one.receipt_no)
                else:
                    self._ledger.broken(f"{one.receipt_no}: cannot be withdrawn ({answer.status_code})")
                return

    def _decide(self, one: ApplicationDetail) -> None:
        for person in one.persons:
            if person.state is PersonState.STAFF:
                path = control.IDENTIFY.format(receipt_no=one.receipt_no)
                wanted = {"role": person.role.value, "atena_no": None, "reason": "試験"}
                self._http.post(path, json=wanted).raise_for_status()

    def pull(self) -> None:
        """The core system takes what is offered; what it acknowledged must never be offered again."""
        before = set(self._ledger.acknowledged)
        plan = PullPlan(base_url=self._url, api_key=HANDOVER_KEY, timeout_seconds=10)
        result = self._world.pull(CORE, plan)
        if again := before & set(result.listed):
            self._ledger.broken(f"{min(again)}: offered again after its acknowledgement was confirmed")
        if taken_back := self._ledger.withdrawn & set(result.listed):
            self._ledger.broken(f"{min(taken_back)}: offered although it was withdrawn")
        self._ledger.acknowledged |= {receipt_no for receipt_no, status in result.acks if status == 200}


def check_whole(one: ApplicationDetail, ledger: Ledger, acknowledged: Collection[str]) -> None:
    """What is visible is complete, and not behind what was confirmed before."""
    case = ledger.cases.get(one.receipt_no)
    if case is None:
        ledger.broken(f"{one.receipt_no}: nobody sent this")
        return
    sent = [(item.item_id, item.occurrence, item.value) for item in case.truth.items]
    kept = [(item.item_id, item.occurrence, item.value) for item in one.items]
    files = [file.sha256 for file in case.truth.attachments]
    if one.ingestion is not Ingestion.STORED or sent != kept or files != [file.sha256 for file in one.attachments]:
        ledger.broken(f"{one.receipt_no}: visible and not complete")
    if not one.persons:
        ledger.broken(f"{one.receipt_no}: visible without a decision about its people")
    confirmed = ledger.reviews.get(one.receipt_no, Review.UNREVIEWED)
    if ORDER.get(one.review, 9) < ORDER[confirmed]:
        ledger.broken(f"{one.receipt_no}: a confirmed review ({confirmed.value}) is gone")
    if one.receipt_no in acknowledged and one.handover is not Handover.DELIVERED:
        ledger.broken(f"{one.receipt_no}: a confirmed acknowledgement is gone")


@contextmanager
def busy(actors: Actors) -> Iterator[None]:
    """Everybody at work, again and again, until the product is gone."""
    stop = threading.Event()

    def repeat(action: Callable[[], object]) -> None:
        while not stop.is_set():
            try:
                action()
            except GONE:
                time.sleep(0.02)  # killed, or its database is recovering

    threads = [
        threading.Thread(target=repeat, args=(action,), daemon=True)
        for action in (actors.run_import, actors.review_all, actors.pull)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def kill_postgres(url: str) -> None:
    """Kill one of the server's own processes: it ends all sessions and recovers from its log."""
    with suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None  # noqa: S101 — this query always has one row
        os.kill(int(row[0]), signal.SIGKILL)
        connection.execute("SELECT 1")


def settle(actors: Actors, ledger: Ledger) -> None:
    """Let everything come to its end; Violation when it does not."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        job = actors.run_import()
        actors.review_all()
        actors.pull()
        found = {one.receipt_no: one for one in actors.details()}
        going = [one for name, one in found.items() if name not in ledger.withdrawn]
        if set(found) == set(ledger.cases) and all(one.handover is Handover.DELIVERED for one in going):
            for one in found.values():
                check_whole(one, ledger, ledger.acknowledged)
            return
        if job.state is JobState.FAILED:
            time.sleep(0.2)
    missing = sorted(set(ledger.cases) - set(found))
    raise Violation(f"lost or stuck: {len(missing)} missing, e.g. {missing[:3]}")


def prove(
    kills: int, seed: int, server: EmbeddedServer, folder: Path, say: Callable[[str], None], workers: int = 1
) -> list[str]:
    """Kill ``kills`` times; every promise that was broken, in one sentence each (empty: none).

    With several ``workers`` the others are processes that outlive the killed one for a moment, and are still at work.
    """
    dice = random.Random(seed)  # noqa: S311 - moments, not secrets
    supply, ledger = cases(seed), Ledger()
    first = [next(supply) for _ in range(PER_ROUND)]
    now = max(case.received_at for case in first) + timedelta(hours=1)
    database, more = server.create_database(f"crash{seed}"), {"WORKERS": str(workers)}
    with start_world(folder, first[0].dantai_code, now) as world:
        load(world.client, ledger, first)
        for number in range(1, kills + 1):
            with start_product(folder, world, database, now, more) as product:
                actors = Actors(product, world.client, ledger)
                with busy(actors):
                    time.sleep(dice.uniform(*SECONDS))
                    if dice.random() < POSTGRES_SHARE:
                        kill_postgres(database)
                        time.sleep(dice.uniform(0, SECONDS[1]))
                    product.kill()
                actors.close()
            load(world.client, ledger, [next(supply) for _ in range(dice.randint(0, PER_ROUND))])
            say(json.dumps({"kill": number, "of": kills, "sent": len(ledger.cases), "broken": len(ledger.violations)}))
        with start_product(folder, world, database, now, more) as product:
            actors = Actors(product, world.client, ledger)
            try:
                settle(actors, ledger)
            except Violation as violation:
                ledger.broken(str(violation))
            actors.close()
    return ledger.violations


def main(arguments: list[str]) -> int:
    """0 when every promise held, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="crash", description="申請管理システムを何度も落とす / kill the product")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="WORKERS")
    options = parser.parse_args(arguments)

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    with embedded_server() as server, tempfile.TemporaryDirectory() as folder:
        broken = prove(options.kills, options.seed, server, Path(folder), say, options.workers)
    for violation in broken:
        say(f"破られた約束 / broken promise: {violation}")
    if broken:
        steps = [{"kills": options.kills, "workers": options.workers}]
        say(keep(Counterexample(walk="crash", seed=options.seed, steps=steps, said=tuple(broken))))
    say("すべて守られました / every promise held" if not broken else f"{len(broken)} 件")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
