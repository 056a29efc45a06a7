"""The recorder: complete, on disk, bounded; and the clock it dates by."""

from __future__ import annotations

import asyncio
import hashlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mock_services.clock import WorldClock
from mock_services.http import Answer, Request
from mock_services.recorder import SMALL, Recorder
from tests.mock_services.support import START, StandingTick

CALL = Request("GET", "/x?y=1", (("X-A", "1"), ("X-A", "2")), b"up", "127.0.0.1:9")


def test_an_exchange_comes_back_as_it_was(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, WorldClock(START, StandingTick()))
    recorder.record("download", CALL, Answer(200, (("A", "b"),), "下り".encode(), "list", ("latency",)))
    (one,) = recorder.exchanges()
    assert (one.seq, one.at, one.system, one.operation, one.fault) == (1, START, "download", "list", "latency")
    assert (one.peer, one.method, one.target) == ("127.0.0.1:9", "GET", "/x?y=1")
    assert one.request_headers == [("X-A", "1"), ("X-A", "2")]
    assert (one.request_body.text, one.response_body.text, one.response_body.size) == ("up", "下り", 6)
    recorder.close()


def test_a_call_is_on_disk_before_its_answer_can_leave(tmp_path: Path) -> None:
    file = tmp_path / "exchanges.jsonl"

    async def turn() -> list[int]:
        recorder = Recorder(tmp_path, WorldClock(START, StandingTick()))
        found = []
        for _ in range(3):
            recorder.record("download", CALL, Answer(200))
            found.append(len(file.read_bytes().splitlines()))
        recorder.close()
        return found

    assert asyncio.run(turn()) == [1, 2, 3]


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file of this process grows beyond ``size`` bytes; what the kernel says then is an OSError, as for a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_the_disk_does_not_take_is_counted_and_leaves_no_half_line(tmp_path: Path) -> None:
    file = tmp_path / "exchanges.jsonl"
    recorder = Recorder(tmp_path, WorldClock(START, StandingTick()))
    recorder.record("download", CALL, Answer(200, (), b"first"))
    whole = file.read_bytes()
    with files_end_at(len(whole) + 100):
        assert recorder.record("download", CALL, Answer(200, (), b"no room for the line")) == 1
        assert recorder.record("download", CALL, Answer(200, (), b"\xff" * 5000)) == 1
    assert (recorder.dropped, recorder.newest, file.read_bytes()) == (2, 1, whole)
    recorder.record("download", CALL, Answer(200, (), b"\xff" * 5000))
    assert [one.seq for one in recorder.exchanges()] == [1, 2]
    assert len(file.read_bytes().splitlines()) == 2
    assert recorder.body(hashlib.sha256(b"\xff" * 5000).hexdigest()) == b"\xff" * 5000
    recorder.close()


def test_exchanges_are_found_by_number_and_system(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, WorldClock(START, StandingTick()))
    for system in ("download", "juki", "download"):
        recorder.record(system, CALL, Answer(200))
    assert [one.seq for one in recorder.exchanges(since=1)] == [2, 3]
    assert [one.seq for one in recorder.exchanges(system="download")] == [1, 3]
    assert [one.seq for one in recorder.exchanges(limit=1)] == [1]
    assert recorder.exchanges(since=99) == []
    recorder.close()


@pytest.mark.parametrize("body", [b"x" * (SMALL + 1), b"\xff\xfe", b"a\x00b"])
def test_a_large_or_binary_body_is_kept_once_as_a_file(tmp_path: Path, body: bytes) -> None:
    recorder = Recorder(tmp_path, WorldClock(START, StandingTick()))
    for _ in range(2):
        recorder.record("download", CALL, Answer(200, (), body))
    digest = hashlib.sha256(body).hexdigest()
    assert recorder.exchanges()[1].response_body.model_dump() == {"text": None, "sha256": digest, "size": len(body)}
    assert recorder.body(digest) == body
    assert [file.name for file in (tmp_path / "bodies").iterdir()] == [digest]
    recorder.close()


def test_only_kept_bodies_are_given_out(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, WorldClock(START, StandingTick()))
    for wrong in ("../exchanges.jsonl", "0" * 64, ""):
        with pytest.raises(KeyError):
            recorder.body(wrong)
    recorder.close()


def test_beyond_the_bound_nothing_is_recorded_and_that_is_counted(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, WorldClock(START, StandingTick()), max_exchanges=2)
    for _ in range(5):
        recorder.record("download", CALL, Answer(200))
    assert (recorder.newest, recorder.dropped) == (2, 3)
    recorder.close()
    small = Recorder(tmp_path, WorldClock(START, StandingTick()), max_bytes=1)
    for _ in range(2):
        small.record("download", CALL, Answer(200))
    assert (small.newest, small.dropped) == (1, 1)
    small.close()


def test_the_clock_ticks_with_the_injected_time_only() -> None:
    tick = StandingTick()
    clock = WorldClock(START, tick)
    assert clock.now() == START
    tick.seconds = 90
    assert clock.now() == START + timedelta(seconds=90)
    clock.set(START + timedelta(days=1))
    assert clock.now() == START + timedelta(days=1)
    with pytest.raises(ValueError, match="zone"):
        clock.set(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test
