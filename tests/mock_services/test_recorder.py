"""The recorder: complete, on disk, bounded; and the clock it dates by."""

from __future__ import annotations

import asyncio
import hashlib
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


def test_calls_of_one_turn_of_the_loop_are_on_disk_after_it(tmp_path: Path) -> None:
    file = tmp_path / "exchanges.jsonl"

    async def turn() -> list[int]:
        recorder = Recorder(tmp_path, WorldClock(START, StandingTick()))
        for _ in range(3):
            recorder.record("download", CALL, Answer(200))
        sizes = [file.stat().st_size]
        await asyncio.sleep(0)
        sizes.append(len(file.read_bytes().splitlines()))
        recorder.record("download", CALL, Answer(200))
        sizes.append(len(recorder.exchanges()))
        recorder.close()
        sizes.append(len(file.read_bytes().splitlines()))
        await asyncio.sleep(0)
        return sizes

    assert asyncio.run(turn()) == [0, 3, 4, 4]


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
