"""Applications as a function: the same answers as a plain list of them would give, without the list."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from fixtures.zip_writer import Entry, write_zip
from interface_spec.profile import TextFile
from mock_services import serve
from mock_services.download import packages
from mock_services.download.errors import ForbiddenError, NotFoundError
from mock_services.download.models import Window
from mock_services.download.packages import Spool, ready
from mock_services.download.shelf import Application
from mock_services.http import BigBody
from mock_services.many import Many
from mock_services.models import Fault
from mock_services.molds import Mold, cast_mold
from mock_services.seeding import fill
from mock_services.serve import RunningWorld, open_sockets
from mock_services.surface import RowsBody, write_answer
from mock_services.wiring import Value
from tests.mock_services.support import OTHER_DANTAI, START, InProcess, in_process, meta, window

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
    assert [one.receipt_no for page in found.newest(COUNT) for one in page] == wanted[::-1]
    for most in (1, 7, 150):
        assert [one.receipt_no for page in found.newest(most) for one in page] == wanted[::-1][:most]


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


def entries(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as package:
        assert package.testzip() is None
        return {one.filename: package.read(one) for one in package.infolist()}


def test_what_comes_from_a_mold_is_what_making_it_in_full_gives(filled: InProcess) -> None:
    many = many_of(filled)
    assert many.mold_count < COUNT - 60
    for index in range(many.mold_count + 3, many.count, 97):
        one, number = many.application(index), index % many.mold_count
        receipt_no = one.receipt_no
        full = many._factory.in_full(number, one.procedure_id, receipt_no, one.received_at)
        mold = many.mold(index)
        assert mold is not None
        made, wanted = entries(one.package.read()), entries(full)
        # A certificate's dates are judged as of the mold's own day, so that an expired one stays expired.
        differing = [name for name in wanted if made[name] != wanted[name]]
        assert list(made) == list(wanted)
        assert all(name.endswith("sigverify.xml") for name in differing)
        assert len(made[f"{receipt_no}/application.xml"]) == len(wanted[f"{receipt_no}/application.xml"])


def test_applications_of_one_mold_differ_in_number_time_and_digest(filled: InProcess) -> None:
    many = many_of(filled)
    one, other = many.application(5), many.application(5 + many.mold_count)
    assert one.package.sha256 != other.package.sha256
    for each in (one, other):
        found = entries(each.package.read())
        stated = found[f"{each.receipt_no}/application.xml"].decode()
        assert each.receipt_no in stated
        assert each.received_at.strftime("%H:%M:%S") in stated
    assert other.receipt_no.encode() not in one.package.read()


def test_without_a_mold_the_package_is_made_in_full(filled: InProcess) -> None:
    many = many_of(filled)
    one = many.application(33)
    wanted = entries(one.package.read())
    mold = many.mold(33)
    assert mold is not None
    for instead in (None, replace(mold, lengths=(0, *mold.lengths[1:]))):
        many._molds[33] = instead
        made = entries(one.package.read())
        assert list(made) == list(wanted)
        assert made[f"{one.receipt_no}/form.pdf"] == wanted[f"{one.receipt_no}/form.pdf"]
    many._molds[33] = mold


def test_no_mold_where_a_text_does_not_stand_exactly_once() -> None:
    texts = (b"R1", b"R1", b"T1", b"T2", b"P1", b"P2")
    contents = {"application": b"R1 T1", "verification": b"T2", "form_pdf": b"P1 P2", "form": b"R1 R1"}

    def molded(**changes: bytes) -> Mold | None:
        entries = [Entry(f"R1/{part}", data, part, compress=False) for part, data in (contents | changes).items()]
        return cast_mold(entries, write_zip(entries, START), texts)

    mold = molded()
    assert mold is not None
    filled = entries(mold.filled((b"Q9", b"Q9", b"U1", b"U2", b"V1", b"V2"), START + timedelta(hours=1)))
    assert filled == {
        "Q9/application": b"Q9 U1",
        "Q9/verification": b"U2",
        "Q9/form_pdf": b"V1 V2",
        "Q9/form": b"R1 R1",
    }
    assert molded(application=b"R1 T1 T1") is None
    assert molded(form_pdf=b"P1") is None


def test_other_calls_go_on_while_a_new_page_is_made(tmp_path: Path) -> None:
    world = in_process(tmp_path, dantai_code=TOWN, fixtures={"applications": 100})
    fill(world.world)
    many, gate = many_of(world), threading.Event()
    real = many.mold_now

    def held(index: int) -> None:
        assert gate.wait(30)
        real(index)

    many.mold_now = held  # type: ignore[method-assign]

    async def both() -> None:
        page = asyncio.ensure_future(ready(many.application(index).package for index in range(3)))
        await asyncio.sleep(0)
        assert not page.done()  # the loop is free while a thread waits
        gate.set()
        await page

    asyncio.run(both())
    assert all(many.application(index).package.at_hand for index in range(3))
    world.world.recorder.close()


def test_molds_are_made_ahead_until_the_world_stops(tmp_path: Path) -> None:
    world = in_process(tmp_path, dantai_code=TOWN, fixtures={"applications": 70})
    fill(world.world)
    many, stop = many_of(world), threading.Event()
    stop.set()
    world.world.applications.prepare(stop)
    assert not many.has_mold(0)
    stop.clear()
    world.world.applications.prepare(stop)
    assert all(many.has_mold(index) for index in range(many.count))
    world.world.recorder.close()


def test_a_large_population_is_ready_to_be_listed_when_the_world_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "_PREPARING_SECONDS", 60)
    world = in_process(tmp_path, dantai_code=TOWN, fixtures={"applications": 1_000_000})
    fill(world.world)
    many = many_of(world)
    assert many.mold_count == len(many.cycle) < many.count
    monkeypatch.setattr(many, "prepare", lambda _: None)

    async def started() -> bool:
        running = RunningWorld(world.world.config, world.world, open_sockets(world.world.config))
        await running.start()
        made = all(many.has_mold(index) for index in range(many.mold_count))
        await running.stop()
        return made

    assert asyncio.run(started())


def test_up_to_a_thousand_no_two_have_the_same_content(tmp_path: Path) -> None:
    world = in_process(tmp_path, dantai_code=TOWN, fixtures={"applications": 500})
    fill(world.world)
    many = many_of(world)
    assert many.mold_count == many.count
    world.world.recorder.close()


def test_other_calls_get_their_turn_while_a_page_is_filled(filled: InProcess) -> None:
    many, turns = many_of(filled), [0]
    for index in range(many.mold_count):
        many.mold(index)
    login = {"dantaiCode": TOWN, "account": "city", "secret": "open sesame"}
    asked = window(receivedFrom="2026-09-01T00:00:00+0900", limit=100, offset=900)

    async def list_beside_another() -> int:
        transport = httpx.ASGITransport(app=filled.world.download_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://mock") as client:
            token = (await client.post("/api/v1/login", json=login)).json()["accessToken"]
            headers = {"Authorization": f"Bearer {token}"}
            before = len(filled.world.applications.wire_rows)

            async def another() -> None:
                while True:
                    rows = len(filled.world.applications.wire_rows) - before
                    turns[0] += 0 < rows < 100
                    await asyncio.sleep(0)

            beside = asyncio.ensure_future(another())
            answer = await client.get("/api/v1/applications", params=asked, headers=headers)
            beside.cancel()
            return len(answer.json()["items"])

    assert asyncio.run(list_beside_another()) == 100
    assert turns[0] >= 5


def test_a_status_list_of_everything_is_written_piece_by_piece_and_leaves_nothing_behind(
    filled: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "HELD", 10_000)
    folder, recorder = filled.world.config.run_dir / "packages", filled.world.recorder
    lying = set(folder.glob("*")) if folder.exists() else set()
    token = filled.world.applications.login(TOWN, "city", "open sesame").value
    seen: list[Path | None] = []
    real = Spool.answer

    def noted(spool: Spool) -> bytes | BigBody:
        body = real(spool)
        seen.append(body.path if isinstance(body, BigBody) else None)
        return body

    monkeypatch.setattr(Spool, "answer", noted)
    client = filled.download()
    client.headers["Authorization"] = f"Bearer {token}"
    asked = window(receivedFrom="2026-01-01T00:00:00+0900")
    answer = client.get("/api/v1/statuses", params=asked)
    (path,) = seen
    assert path is not None
    assert set(folder.glob("*")) == lying
    wanted = filled.world.applications.of_town(TOWN)
    rows = answer.json()["items"]
    assert answer.json()["total"] == len(rows) == len(wanted) > 2000
    assert [one["receiptNo"] for one in rows] == [one.receipt_no for one in wanted.rows(0, len(wanted))]
    recorded = recorder.exchanges(since=recorder.newest - 1)[0].response_body
    assert recorder.body(recorded.sha256) == answer.content
    filled.world.set_faults([Fault(name="missing-rows", operation="status_list", params={"n": 5}, times=1)])
    spoilt = client.get("/api/v1/statuses", params=asked).json()
    assert (spoilt["total"], len(spoilt["items"])) == (len(rows), len(rows) - 5)
    assert set(folder.glob("*")) == lying


@pytest.mark.parametrize("header", [True, False])
def test_rows_in_pieces_are_the_rows_at_once(filled: InProcess, header: bool) -> None:
    """In CSV too, where a profile writes the status list so."""
    bound = filled.world._download
    plain = bound.operation("status_list")
    total = plain.response["total"].model_copy(update={"place": "header"})
    as_csv = plain.model_copy(update={"body": "csv", "response": {"total": total}})
    surface = bound.surface.model_copy(update={"file": TextFile(bom=header, header=header)})
    rows: list[dict[str, Value]] = [{"receipt_no": f"R{number}", "status": "processing"} for number in range(5)]
    for one, operation in ((bound, plain), (replace(bound, surface=surface), as_csv)):
        body = RowsBody(one, operation, {"total": 5})
        whole = write_answer(one, operation, {"total": 5}, rows)
        pieces = [body.piece(rows[:2]), body.piece([]), body.piece(rows[2:])]
        assert b"".join([body.head, *pieces, body.tail]) == whole.body
        assert body.answer.headers == whole.headers
        assert (
            RowsBody(one, operation, {"total": 5}).head + body.tail
            == write_answer(one, operation, {"total": 5}, ()).body
        )


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
