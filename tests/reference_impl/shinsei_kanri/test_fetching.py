"""Fetching beside storing: everything arrives once, errors come last, nothing is left running, memory is bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from reference_impl.shinsei_kanri import fetching
from reference_impl.shinsei_kanri.fetching import Room, portions


def squared(number: int) -> int:
    return number * number


def test_everything_arrives_once_in_portions_of_bounded_size() -> None:
    found = list(portions(range(200), squared, 4, threading.Event()))
    assert sorted(one for portion in found for one in portion) == sorted(map(squared, range(200)))
    assert max(map(len, found)) <= fetching.MOST
    assert list(portions([], squared, 0, threading.Event())) == []


def test_slow_arrivals_are_handed_on_without_waiting_for_each_other() -> None:
    second = threading.Event()

    def fetch(number: int) -> int:
        assert number == 0 or second.wait(30)
        return number

    arriving = portions([0, 1], fetch, 2, threading.Event())
    assert next(arriving) == [0]
    second.set()
    assert list(arriving) == [[1]]


def test_error_is_raised_after_what_had_arrived_and_begins_nothing_more() -> None:
    begun: list[int] = []

    def fetch(number: int) -> int | None:
        begun.append(number)
        if number == 3:
            raise ValueError("three")
        return None if number == 1 else number

    handed: list[list[int]] = []
    with pytest.raises(ValueError, match="three"):
        handed.extend(portions(range(100), fetch, 1, threading.Event()))
    assert [one for portion in handed for one in portion] == [0, 2]
    assert begun == [0, 1, 2, 3]


@pytest.mark.parametrize("how", ["closed", "stopped"])
def test_ended_early_leaves_no_thread_behind(how: str) -> None:
    stopping = threading.Event()
    before = threading.active_count()
    arriving = portions(range(100000), squared, 3, stopping)
    assert len(next(arriving)) >= 1
    if how == "closed":
        arriving.close()
    else:
        stopping.set()
        assert sum(map(len, arriving)) < 100000
    assert threading.active_count() == before


def take(room: Room, size: int, name: str, events: list[str]) -> None:
    room.take(size)
    events.append(name)


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_room_makes_the_next_one_wait_and_lets_a_large_one_in_alone() -> None:
    room, events = Room(10), list[str]()
    room.take(6)
    room.take(4)
    large = in_thread(partial(take, room, 50, "large", events))
    room.give(4)
    events.append("one gone")
    room.give(6)
    large.join(30)
    assert events == ["one gone", "large"]
    small = in_thread(partial(take, room, 1, "small", events))
    assert small.is_alive()
    room.close()
    small.join(30)
    assert events[-1] == "small"
