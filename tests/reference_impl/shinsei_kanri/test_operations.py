"""Operations: health and metrics tell the truth, a backup brings everything back, erasure erases and remembers."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select, text
from starlette.applications import Starlette

from interface_spec.control import Review
from reference_impl.shinsei_kanri import command, control_api, web
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.desk import RefusedError
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.operations import http as operations
from reference_impl.shinsei_kanri.operations import state
from reference_impl.shinsei_kanri.operations.backup import BackupTrouble, backup, restore
from reference_impl.shinsei_kanri.operations.http import checks
from reference_impl.shinsei_kanri.operations.retention import Eraser
from reference_impl.shinsei_kanri.storage import applications, database, people, runs, tables
from testbed.postgres import EmbeddedServer
from tests.reference_impl.shinsei_kanri.people import CORE, HANAKO, link
from tests.reference_impl.shinsei_kanri.test_drops import NOW, Bench
from tests.reference_impl.shinsei_kanri.test_intake import Down
from tests.reference_impl.shinsei_kanri.test_jobs import Log


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = database.connect(database_url)
    database.create_schema(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def bench(engine: Engine, tmp_path: Path) -> Bench:
    return Bench(engine, tmp_path)


async def ask(bench: Bench, path: str, key: str = "t") -> httpx.Response:
    described = operations.operations(bench.engine, Clock(NOW), bench.intake, ["link", f"atena:{CORE}"])
    errors = control_api.error_answers(lambda *_: None)
    app = Starlette(routes=[web.served(one, "t") for one in described], exception_handlers=errors)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://am") as client:
        return await client.get(path, headers={"Authorization": f"Bearer {key}"})


def get(bench: Bench, path: str, key: str = "t") -> httpx.Response:

    return asyncio.run(ask(bench, path, key))


def alive(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))


def test_ready_only_when_an_application_could_be_taken_in(bench: Bench) -> None:
    assert get(bench, "/health/live").json() == {"status": "ok"}
    waiting = get(bench, "/health/ready")
    assert (waiting.status_code, waiting.json()["checks"]["worker"]) == (503, False)
    alive(bench.engine)
    assert get(bench, "/health/ready").status_code == 200
    bench.intake._scanner = Down()
    down = get(bench, "/health/ready")
    assert down.json()["checks"] == {"database": True, "schema": True, "worker": True, "scanner": False}
    bench.intake._scanner = None
    with bench.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert get(bench, "/health/ready").json()["checks"]["schema"] is False


class Announced:
    """One `announce_once_ready` over a bench, and what came of it."""

    def __init__(self, bench: Bench, folder: Path, **how: Any) -> None:
        self.file, self.said, self.stopped = folder / "am-ready.json", io.StringIO(), threading.Event()
        parts = {"settings": SimpleNamespace(ready_file=self.file), "engine": bench.engine, "intake": bench.intake}
        product: Any = SimpleNamespace(**parts, journal=Journal(self.said, Clock(NOW)))
        command.announce_once_ready(product, "http://am", self.stopped, **how)

    def end(self) -> None:
        """Wait until its thread is over."""
        for thread in threading.enumerate():
            if thread.name == "ready":
                thread.join(10)
                assert not thread.is_alive()


def test_the_ready_file_appears_when_the_health_check_is_good_and_not_before(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every look finds one obstacle less; the file is there after the last one and after no other."""
    found: list[tuple[int, bool]] = []

    def look(engine: Engine, intake: Any) -> dict[str, bool]:
        found.append((get(bench, "/health/ready").status_code, one.file.exists()))
        if len(found) == 2:
            alive(bench.engine)
        if len(found) == 4:
            bench.intake._scanner = None
        return checks(engine, intake)

    bench.intake._scanner = Down()
    gate = threading.Event()
    monkeypatch.setattr(command, "checks", lambda *given: gate.wait(10) and look(*given))
    monkeypatch.setattr(command, "TELL_SECONDS", 0.0)
    one = Announced(bench, tmp_path)
    gate.set()
    one.end()
    assert found == [(503, False)] * 4
    assert json.loads(one.file.read_text()) == {"url": "http://am"}
    assert get(bench, "/health/ready").status_code == 200
    lines = [json.loads(line) for line in one.said.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["not-ready", "ready"]
    assert lines[0]["missing"] == "worker scanner"


def test_without_a_worker_of_its_own_nobody_waits_for_one(bench: Bench, tmp_path: Path) -> None:
    one = Announced(bench, tmp_path, own_worker=False)
    one.end()
    assert one.file.exists()


def test_who_is_stopped_before_it_is_ready_never_says_so(bench: Bench, tmp_path: Path) -> None:
    one = Announced(bench, tmp_path)
    one.stopped.set()
    one.end()
    alive(bench.engine)
    assert not one.file.exists()


def test_a_ready_file_that_cannot_be_written_is_told(bench: Bench, tmp_path: Path) -> None:
    alive(bench.engine)
    one = Announced(bench, tmp_path / "nowhere")
    one.end()
    assert json.loads(one.said.getvalue())["event"] == "ready-file-broken"


def test_ready_without_database(database_url: str, tmp_path: Path) -> None:
    gone = Bench(database.connect("postgresql://nobody@/none?host=/nowhere"), tmp_path)
    answer = get(gone, "/health/ready")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, False)


def test_metrics_count_and_tell_no_names(bench: Bench) -> None:
    bench.complete("R1")
    with bench.engine.begin() as connection:
        people.set_position(connection, "link", 1, NOW - timedelta(hours=2))
    assert get(bench, "/metrics", key="wrong").status_code == 401
    lines = get(bench, "/metrics").text.splitlines()
    for line in (
        'shinsei_applications_by_review{state="completed"} 1.0',
        'shinsei_applications_by_handover{state="waiting"} 1.0',
        "shinsei_reminders 1.0",
        f'shinsei_register_age_seconds{{source="atena:{CORE}"}} NaN',
    ):
        assert line in lines
    age = next(line for line in lines if line.startswith('shinsei_register_age_seconds{source="link"}'))
    assert 7200 <= float(age.split()[-1]) < 7300
    assert all(line.isascii() for line in lines)


def test_registers_grow_stale(bench: Bench) -> None:
    with bench.engine.begin() as connection:
        people.set_position(connection, "link", 1, NOW)
        for hours, stale in ((1, False), (27, True)):
            (found,) = state.registers(connection, ["link"], NOW + timedelta(hours=hours))
            assert found.stale is stale
        assert [one.stale for one in state.registers(connection, ["atena:x"], NOW)] == [True]


def test_reminder_until_staff_say_that_the_resident_sees_it(bench: Bench) -> None:
    bench.complete("R1")
    with bench.engine.connect() as connection:
        assert [one[0] for one in state.reminders(connection, 9)] == ["R1"]
    bench.desk.resident_told("R1", "山田", "")
    with bench.engine.connect() as connection:
        assert state.reminders(connection, 9) == []
    bench.review("R1", Review.REVIEWING)
    with pytest.raises(RefusedError):
        bench.desk.resident_told("R1", "山田", "")
    bench.review("R1", Review.COMPLETED)
    with bench.engine.connect() as connection:
        assert len(state.reminders(connection, 9)) == 1


def rows(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables.metadata.sorted_tables
        }


def test_backup_brings_everything_back(bench: Bench, server: EmbeddedServer, tmp_path: Path) -> None:
    bench.complete("R1")
    bench.complete("R2")
    bench.run()
    with bench.engine.begin() as connection:
        people.replace_links(connection, [link(1, "R1")])
        people.replace_atena(connection, CORE, [HANAKO])
        runs.open_run(connection, "import", NOW)
    file = tmp_path / "backup.zip"
    counts = backup(bench.engine, Clock(NOW), file)
    assert (counts["applications"], counts["packages"], file.stat().st_mode & 0o777) == (2, 2, 0o600)
    other = database.connect(server.create_database("restored"))
    assert restore(other, file) == counts
    assert rows(other) == rows(bench.engine)
    with other.begin() as connection:
        assert runs.defer_lost(connection) == [1]  # the run that was under way goes on
        applications.add_history(connection, "R1", NOW, "山田", "後から")
    with pytest.raises(BackupTrouble, match="空では"):
        restore(other, file)
    other.dispose()


@pytest.mark.parametrize("what", ["body", "version", "manifest", "zip"])
def test_spoiled_backup_changes_nothing(bench: Bench, server: EmbeddedServer, tmp_path: Path, what: str) -> None:
    bench.complete("R1")
    file, spoiled = tmp_path / "backup.zip", tmp_path / "spoiled.zip"
    backup(bench.engine, Clock(NOW), file)
    with zipfile.ZipFile(file) as good, zipfile.ZipFile(spoiled, "w") as bad:
        for name in good.namelist():
            body = good.read(name)
            if what == "body" and name == "history.copy":
                body = body.replace(b"stored", b"STORED")
            if name == "manifest.json" and what == "version":
                body = json.dumps(json.loads(body) | {"schema": "0001"}).encode()
            if name != "manifest.json" or what != "manifest":
                bad.writestr(name, body)
    if what == "zip":
        spoiled.write_bytes(b"nonsense")
    other = database.connect(server.create_database(f"spoiled-{what}"))
    with pytest.raises(BackupTrouble, match=" / "):
        restore(other, spoiled)
    database.create_schema(other)
    assert not any(found for name, found in rows(other).items() if name != "sync_positions")
    other.dispose()


def test_erasure_takes_what_is_closed_and_old_and_remembers_its_number(bench: Bench) -> None:
    for receipt_no in ("R1", "R2", "R3"):
        bench.complete(receipt_no)
    bench.review("R2", Review.WITHDRAWN)
    bench.run()
    bench.answer(1, 1, [["R1", "K01", "1", "1", "2026-11-23T10:00:00+0900"]], [])
    bench.run()

    def erase(days: int) -> int:
        return Eraser(bench.engine, Clock(NOW + timedelta(days=days)), Log().journal, {"K01": 30}).run(1)[0]["erased"]

    assert (erase(29), erase(31), erase(31)) == (0, 2, 0)
    with bench.engine.connect() as connection:
        assert applications.headers(connection, 0, 9)[0] == 1
        assert applications.known_receipts(connection, ["R1", "R2", "R3", "R4"]) == {"R1", "R2", "R3"}
        assert connection.execute(text("SELECT count(*) FROM packages")).scalar_one() == 1
