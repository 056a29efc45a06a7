"""The staff's screen: its town only, status by hand, manual download while the API is disturbed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mock_services.kanri import models as kanri
from mock_services.kanri.models import Listing, Staff
from mock_services.models import Fault
from tests.mock_services.support import DANTAI, OTHER_DANTAI, InProcess, asgi_client, in_process, meta, window


@pytest.fixture
def world(tmp_path: Path) -> Iterator[InProcess]:
    found = in_process(tmp_path, kanri={"town_names": {DANTAI: "架空湊市"}})
    found.world.load_application(meta(1), b"PK one")
    found.world.load_application(meta(2, procedure_id="C01"), b"PK two")
    found.world.load_application(meta(3, dantai_code=OTHER_DANTAI), b"PK other")
    yield found
    found.world.recorder.close()


def screen(world: InProcess) -> httpx.Client:
    client = asgi_client(world.world.systems["kanri"].doors()["kanri-screen"])
    client.follow_redirects = True
    return client


def signed_in(world: InProcess, **changes: str) -> httpx.Client:
    client = screen(world)
    form = {"dantai_code": DANTAI, "account": "city", "secret": "open sesame"} | changes
    client.post("/sign-in", data=form)
    return client


def test_staff_see_their_own_town_only(world: InProcess) -> None:
    page = signed_in(world).get("/").text
    assert "2 件" in page
    assert "R0001" in page
    assert "R0003" not in page
    assert signed_in(world).get("/applications/R0003").status_code == 404
    assert "R0002" not in signed_in(world).get("/", params={"q": "R0001"}).text


@pytest.mark.parametrize(
    "wrong", [{"secret": "x"}, {"account": "x"}, {"dantai_code": OTHER_DANTAI}, {"dantai_code": ""}]
)
def test_wrong_credentials_open_nothing(world: InProcess, wrong: dict[str, str]) -> None:
    client = signed_in(world, **wrong)
    assert client.get("/").url.path == "/sign-in"
    client.cookies.set("town", f"{DANTAI}.x")
    assert client.get("/applications/R0001/package").url.path == "/sign-in"


def test_what_staff_register_is_what_the_status_list_says(world: InProcess) -> None:
    client = signed_in(world)
    page = client.post("/applications/R0001/status", data={"status": "completed", "message": "<b>済</b>"})
    assert "完了（2026-10-10 09:00 に登録）" in page.text
    assert "<b>" not in page.text
    rows = world.logged_in().get("/api/v1/statuses", params=window()).json()["items"]
    assert {one["receiptNo"]: one["status"] for one in rows} == {"R0001": "30", "R0002": "10"}


@pytest.mark.parametrize("form", [{}, {"status": "nonsense"}, {"status": "completed", "message": "x" * 1001}])
def test_a_wrong_status_changes_nothing(world: InProcess, form: dict[str, str]) -> None:
    assert signed_in(world).post("/applications/R0001/status", data=form).status_code == 400
    assert world.world.applications.get(DANTAI, "R0001").status == "processing"


def test_a_package_is_had_by_hand_while_the_api_is_down(world: InProcess) -> None:
    world.world.set_faults([Fault(name="unavailable")])
    assert world.download().get("/api/v1/applications/R0001/package").status_code == 503
    answer = signed_in(world).get("/applications/R0001/package")
    assert (answer.content, answer.headers["Content-Type"]) == (b"PK one", "application/zip")


def test_a_form_from_another_site_is_refused(world: InProcess) -> None:
    client = signed_in(world)
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/applications/R0001/status", data={"status": "completed"}, headers=headers).status_code == 403
    assert client.post("/sign-out").url.path == "/sign-in"


def test_other_calls_go_on_while_staff_search_and_what_arrives_meanwhile_is_not_in_it(world: InProcess) -> None:
    for number in range(10, 1210):
        world.world.load_application(meta(number), b"PK")
    staff = Staff(world.world.profile, world.world.applications, {})

    async def search_beside_arrivals() -> tuple[Listing, int]:
        arrived = 0

        async def arrive() -> None:
            nonlocal arrived
            while True:
                world.world.load_application(meta(0, receipt_no=f"X{arrived:04d}"), b"PK older than all")
                arrived += 1
                await asyncio.sleep(0)

        other = asyncio.ensure_future(arrive())
        found = await staff.search(DANTAI, "processing", "R")
        other.cancel()
        return found, arrived

    found, arrived = asyncio.run(search_beside_arrivals())
    assert arrived >= 10
    assert found.total == 1202
    assert [one.receipt_no for one in found.rows[:2]] == ["R1209", "R1208"]


def test_a_search_looks_through_the_newest_only_and_says_so(world: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10, 310):
        world.world.load_application(meta(number), b"PK")
    monkeypatch.setattr(kanri, "SEARCHED", 250)
    staff = Staff(world.world.profile, world.world.applications, {})
    everything = asyncio.run(staff.search(DANTAI, "", ""))
    assert (everything.total, len(everything.rows), everything.rows[0].receipt_no) == (302, 100, "R0309")
    assert asyncio.run(staff.search(DANTAI, "", "R0010")) == Listing([], None)
    (one,) = asyncio.run(staff.search(DANTAI, "", "R0100")).rows
    assert one.receipt_no == "R0100"
