"""Rounds share imports: a product on its own schedule is through in six of them, and the verdicts stay what they are."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from conformance.catalogue import load_catalogue
from conformance.events import Event, StepStarted
from conformance.record import Record
from conformance.results import Results
from interface_spec import control
from testbed.mutants.registry import mutants_of
from testbed.postgres import Server
from testbed.reference import database_server, write_target
from tests.testbed.adapter_runs import not_passed, run_example
from tests.testbed.operator_client import TOKEN

pytestmark = pytest.mark.long
WINDOWS = 6


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with database_server() as found:
        yield found


class OwnSchedule(threading.Thread):
    """Makes the reference a product that takes in on its own schedule, and never when it is asked."""

    def __init__(self, ready: Path, seconds: float) -> None:
        super().__init__(daemon=True)
        self.ready, self.seconds, self.over, self.times = ready, seconds, threading.Event(), 0

    def run(self) -> None:
        while not self.ready.is_file():
            if self.over.wait(0.05):
                return
        url = str(json.loads(self.ready.read_text(encoding="utf-8"))["url"])
        with httpx.Client(
            base_url=url, trust_env=False, timeout=30, headers={"Authorization": f"Bearer {TOKEN}"}
        ) as am:
            while not self.over.wait(self.seconds):
                try:
                    for path in (control.SYNC, control.IMPORTS):
                        am.post(path)
                    self.times += 1
                except httpx.TransportError:
                    return


def records(run: Path) -> dict[str, Record]:
    files = sorted((run / "records").glob("*.json"))
    return {one.stem: Record.model_validate_json(one.read_text(encoding="utf-8")) for one in files}


def imports(run: Path) -> int:
    """How many imports the records rest on."""
    return len({step.ended_at for record in records(run).values() for step in record.steps if step.do == "import"})


def repeated(results: Results) -> list[str]:
    return [ja for ja, _ in results.warnings if "単独のラウンドで確かめ直した" in ja]


def shared(tmp_path: Path, server: Server, mutant: str = "", *select: str) -> Results:
    text = write_target(tmp_path / "reference", mutant=mutant).read_text(encoding="utf-8")
    return run_example(text.replace("[run]\n", '[run]\nimports = "shared"\n', 1), tmp_path, server, *select)


@pytest.mark.slow
def test_a_product_on_its_own_schedule_is_through_in_six_imports(tmp_path: Path, server: Server) -> None:
    """Trigger poll: nobody asks it to import; what it does by itself is seen, and serves several rounds."""
    text = write_target(tmp_path / "reference").read_text(encoding="utf-8")
    text = text.replace("[start]", '[adapter]\ntrigger = "poll"\npoll_seconds = 6\n[start]', 1)
    schedule = OwnSchedule(tmp_path / "run" / "product-ready.json", 6)
    schedule.start()
    try:
        results = run_example(text, tmp_path, server)
    finally:
        schedule.over.set()
        schedule.join()
    assert [one.ja for one in results.troubles] == []
    assert not_passed(results) == {}
    assert results.exit() == 0
    assert repeated(results) == []
    assert imports(tmp_path / "run") == WINDOWS
    assert schedule.times >= WINDOWS
    seen = [one for one in results.steps if one.step.startswith("import:") and "確認した" in one.message]
    assert len(seen) >= WINDOWS - 1  # while the relay is down nothing is seen


@pytest.mark.slow
def test_the_whole_suite_in_six_imports(tmp_path: Path, server: Server) -> None:
    results = shared(tmp_path, server)
    assert not_passed(results) == {}
    assert (results.exit(), repeated(results), imports(tmp_path / "run")) == (0, [], WINDOWS)
    assert results.plan is not None
    assert results.plan.shared
    for name, record in records(tmp_path / "run").items():
        assert record.cases.keys() == {case for one in results.plan.rounds if one.id == name for case in one.cases}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutant", "alone"),
    [
        ("no-hostname-check", {"AM-3.1-02b"}),
        ("direct-when-relay-is-down", {"FW-S32-02a"}),
        ("gives-up-after-401", {"AM-3.1-03a"}),
        ("skips-the-window", {"AM-3.1-84a"}),
    ],
)
def test_a_mistake_under_a_disturbance_is_shown_by_itself(
    mutant: str, alone: set[str], tmp_path: Path, server: Server
) -> None:
    """What one disturbance stops is not held against the checks of another: both are repeated, each in its own round."""
    results = shared(tmp_path, server, mutant)
    failed = {one.planned.id for one in results.checks if one.verdict not in ("PASS", "N/A")}
    assert failed == set(mutants_of("am")[mutant].killed_by)
    assert alone <= failed
    (told,) = repeated(results)
    assert all(one in told for one in alone)


@pytest.mark.slow
def test_what_broken_packages_hold_up_is_not_held_against_it(tmp_path: Path, server: Server) -> None:
    """The product stops at the first broken ZIP of a batch: other checks that wait behind it are 未検証, not 不適合."""
    results = shared(tmp_path, server, "one-bad-zip-stops-the-batch")
    broken = {
        one.id for one in load_catalogue("am").checks.values() if one.disturbance in ("broken-zip", "hostile-packages")
    }
    failed = {one.planned.id for one in results.checks if one.verdict in ("FAIL", "WARN")}
    assert set(mutants_of("am")["one-bad-zip-stops-the-batch"].killed_by) <= failed <= broken
    assert {one.planned.id for one in results.checks if one.verdict == "UNVERIFIED"} - broken


@pytest.mark.slow
def test_a_run_that_is_cut_short_goes_on(tmp_path: Path, server: Server) -> None:
    """Rounds that had ended stand; those under way are played by themselves, with other applications."""
    text = write_target(tmp_path / "reference").read_text(encoding="utf-8")
    text = text.replace("[run]\n", '[run]\nimports = "shared"\n', 1)
    database = server.create_database("cut_short")

    def stop(event: Event) -> None:
        if isinstance(event, StepStarted) and (event.round, event.step) == ("paging", "snapshot:disturbed"):
            signal.raise_signal(signal.SIGTERM)

    first = run_example(text, tmp_path, server, database=database, listeners=(stop,))
    assert (first.exit(), first.interrupted) == (4, "SIGTERM")
    assert records(tmp_path / "run").keys() == {"none", "tls-untrusted"}
    second = run_example(text, tmp_path, server, run="second", database=database, resume=tmp_path / "run")
    assert not_passed(second) == {}
    assert second.exit() == 0
    assert [one for one in repeated(second) if "AM-3.1-03b" in one]


@pytest.mark.slow
def test_a_selection_plays_only_the_windows_that_it_needs(tmp_path: Path, server: Server) -> None:
    results = shared(tmp_path, server, "", "AM-3.1-02b", "AM-3.1-82c")
    ran = {one.planned.id: one.verdict for one in results.checks if one.planned.status == "run"}
    assert ran == {"AM-3.1-02b": "PASS", "AM-3.1-82c": "PASS"}
    assert imports(tmp_path / "run") == 3
