"""Applications as a function: the same answers as a plain list of them would give, without the list."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from mock_services.download.errors import ForbiddenError, NotFoundError
from mock_services.download.models import Window
from mock_services.download.shelf import Application
from mock_services.many import Many
from mock_services.seeding import fill
from tests.mock_services.support import OTHER_DANTAI, START, InProcess, in_process, meta

TOWN, COUNT = "991236", 3000


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("many")
    world = in_process(folder, dantai_code=TOWN, fixtures={"seed": 3, "applications": COUNT})
    assert fill(world.world) == COUNT
    yield world
    world.world.recorder.close()


def many_of(world: InProcess) -> Many:
    register = world.world.applications._register
    assert isinstance(register, Many)
    return register


def plainly(world: InProcess) -> list[Application]:
    """What a full scan finds."""
    store, many = world.world.applications, many_of(world)
    made = [many.application(index) for index in range(many.count) if index not in many.taken]
    return sorted([*store._applications.values(), *made], key=lambda one: one.order)


WINDOWS = [
    (timedelta(days=90), timedelta(0), None),
    (timedelta(days=3), timedelta(days=1), None),
    (timedelta(hours=2), timedelta(0), None),
    (timedelta(hours=2), timedelta(0), "K02"),
    (timedelta(days=40), timedelta(days=2), "K01"),
    (timedelta(days=400), timedelta(days=300), None),
]


@pytest.mark.parametrize(("start", "end", "procedure"), WINDOWS)
def test_a_window_holds_what_a_scan_finds(
    filled: InProcess, start: timedelta, end: timedelta, procedure: str | None
) -> None:
    store = filled.world.applications
    window = Window(START - start, START - end, procedure)
    wanted = [
        one.receipt_no
        for one in plainly(filled)
        if window.received_from <= one.listed_at <= window.received_to
        and (one.visible_at is None or one.visible_at <= filled.world.clock.now())
        and procedure in (None, one.procedure_id)
    ]
    found = store.matching(TOWN, window)
    assert [one.receipt_no for one in found.rows(0, len(found))] == wanted
    paged = [one.receipt_no for at in range(0, len(wanted), 7) for one in found.rows(at, 7)]
    assert paged == wanted
    assert [one.receipt_no for one in found.newest_first()] == wanted[::-1]


def test_nobody_is_listed_before_it_has_arrived(filled: InProcess) -> None:
    many, clock = many_of(filled), filled.world.clock
    late = [one for one in range(many.count) if many.arrived_at(one) - many.received_at(one) > timedelta(hours=1)]
    assert 0 < len(late) < COUNT / 20
    before = clock.now()
    for index in late[:3]:
        clock.set(many.arrived_at(index) - timedelta(seconds=1))
        with pytest.raises(NotFoundError):
            filled.world.applications.get(TOWN, many.receipt_no(index))
        clock.set(many.arrived_at(index))
        assert filled.world.applications.get(TOWN, many.receipt_no(index)).received_at == many.received_at(index)
    clock.set(before)


def test_numbers_lead_back_and_strangers_find_nothing(filled: InProcess) -> None:
    many = many_of(filled)
    numbers = [many.receipt_no(index) for index in range(many.count)]
    assert len(set(numbers)) == many.count
    assert [many.index_of(one) for one in numbers] == list(range(many.count))
    for wrong in ("", "R0001", numbers[0][:-1], numbers[0][:-1] + "!", numbers[0].lower(), numbers[0][:6] + "AAAAAAAA"):
        assert many.index_of(wrong) is None
    with pytest.raises(ForbiddenError):
        filled.world.applications.get(OTHER_DANTAI, numbers[0])


def test_the_zip_is_made_when_asked_for_and_is_what_the_list_says(filled: InProcess) -> None:
    one = many_of(filled).application(7)
    data = one.package.read()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (one.package.size, one.package.sha256)
    with zipfile.ZipFile(BytesIO(data)) as package:
        assert package.testzip() is None
        assert any(one.receipt_no in package.read(name).decode("utf-8", "ignore") for name in package.namelist())


def test_a_changed_status_and_a_replaced_package_lie_over_the_function(filled: InProcess) -> None:
    store, many = filled.world.applications, many_of(filled)
    everything = Window(START - timedelta(days=400), START)
    before = len(store.matching(TOWN, everything))
    number = many.receipt_no(100)
    store.set_status(TOWN, number, "completed", "済")
    assert store.get(TOWN, number).status == "completed"
    replaced = meta(1, receipt_no=many.receipt_no(200), dantai_code=TOWN)
    filled.world.load_application(replaced, b"PK other")
    assert store.get(TOWN, replaced.receipt_no).package.read() == b"PK other"
    after = store.matching(TOWN, everything)
    listed = [one.receipt_no for one in after.rows(0, len(after))]
    assert (len(listed), len(set(listed))) == (before, before)


def test_an_empty_world_has_none_of_them(tmp_path: Path) -> None:
    world = in_process(tmp_path, dantai_code=TOWN, fixtures={"applications": 100})
    fill(world.world)
    world.world.reset()
    assert len(world.world.applications.of_town(TOWN)) == 0
    world.world.recorder.close()
