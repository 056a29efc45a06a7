"""What a run starts and loads before it is needed, and what it does not load at all."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

from conformance.events import RoundStarted
from testbed.cli import ahead
from testbed.cli.reports_ahead import ReportsAhead

NOT_FOR_A_RUN = ("jinja2", "xlsxwriter", "psycopg", "testbed.cli.app", "conformance.firewall.run")
LOADED = "import sys, testbed.cli.root; print(*sorted(sys.modules))"


def test_the_root_loads_what_a_run_needs_and_no_more() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "conformance.engine.run" in loaded
    assert loaded.isdisjoint(NOT_FOR_A_RUN)


@pytest.mark.parametrize(
    ("words", "world", "server"),
    [
        ("check am", True, True),
        ("check am --mutant serial-wins", True, True),
        ("check am --target target.toml", True, False),
        ("check am --database-url=postgresql://u@h/d", True, False),
        ("quick --image a:b", True, False),
        ("quick", True, True),
        ("check fw", False, False),
        ("check am --help", False, False),
        ("report show out", False, False),
    ],
)
def test_only_what_the_run_will_need_is_started(
    words: str, world: bool, server: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHINSEI_DATABASE_URL", raising=False)
    with ahead.loading(words.split()):
        assert (ahead.world() is not None, ahead.server() is not None) == (world, server)
        processes = [*_process(ahead.world()), *_process(ahead.server())]
    assert (ahead.world(), ahead.server()) == (None, None)
    assert all(one.poll() is not None for one in processes)


def test_a_server_of_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHINSEI_DATABASE_URL", "postgresql://u@h/d")
    with ahead.loading(["check", "am"]):
        assert ahead.server() is None


def _process(found: object) -> list[subprocess.Popen[bytes]]:
    process = getattr(found, "process", None) or getattr(found, "watcher", None)
    return [process] if process is not None else []


def test_the_reports_are_loaded_once_when_the_rounds_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    listener = ReportsAhead()
    before = set(threading.enumerate())
    for number in (1, 2):
        listener(RoundStarted(at=datetime.now(UTC), round="none", ja="正常", en="none", number=number, of=2))
    begun = set(threading.enumerate()) - before
    assert len(begun) <= 1
    for thread in begun:
        thread.join(60)
    assert failed == []
    from conformance.reporters.html import _COMPILED, PICTURES

    assert len(_COMPILED) == 1 + len(PICTURES)
