"""図表5: 転出届 with 転入予約 reaches two towns; 転出証明書情報 goes CS → CS when the old town has finished, not before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mock_services.juki_cs.errors import EventError
from mock_services.juki_cs.system import JukiCsSystem
from mock_services.juki_cs.wire import ExchangeOrder
from mock_services.seeding import fill
from tests.mock_services.portal_support import api, create, filled, portal, proofs, submit
from tests.mock_services.support import DANTAI, OTHER_DANTAI, InProcess, asgi_client, in_process
from tests.mock_services.test_portal_screens import fill as fill_form
from tests.mock_services.test_portal_screens import sign_in


@pytest.fixture
def world(tmp_path: Path) -> Iterator[InProcess]:
    found = in_process(
        tmp_path,
        portal={"api_keys": {"site": "key", "other": "key2"}},
        juki_cs={"other_towns": [OTHER_DANTAI]},
        fixtures={"seed": 1, "applications": 0},
    )
    fill(found.world)
    yield found
    found.world.recorder.close()


def cs(world: InProcess) -> JukiCsSystem:
    found = world.world.systems["juki_cs"]
    assert isinstance(found, JukiCsSystem)
    return found


def sent(world: InProcess, **typed: str) -> dict[str, str]:
    """Receipt numbers by procedure of a 転出届 with 転入予約 by resident 0."""
    browser: httpx.Client = asgi_client(portal(world).doors()["portal-screen"])
    browser.follow_redirects = True
    sign_in(browser)
    draft = fill_form(browser, "M01", **typed)
    browser.post(
        f"{draft.url.path}/submit",
        data={"sign": "1", "new_town": OTHER_DANTAI, "visit_date": "2026-10-20", "visit_time": "午前"},
    )
    return {one.procedure.id: one.receipt_no for one in portal(world).store.receipts("resident/0")}


def test_the_certificate_of_moving_out_travels_when_the_old_town_has_finished(world: InProcess) -> None:
    mover = portal(world).store.people.persons[0].resident
    town, other = cs(world).network.town(DANTAI), cs(world).network.town(OTHER_DANTAI)
    numbers = sent(world)
    store = world.world.applications
    serials = {one.serial for one in town.of(mover.juminhyo_code)}
    assert serials
    # A 予約 alone is no 転入届, finished or not.
    store.set_status(OTHER_DANTAI, numbers["M02"], "completed")
    store.set_status(DANTAI, numbers["M01"], "correction")
    assert (other.tenshutsu, mover.juminhyo_code in town.residents) == ([], True)
    with pytest.raises(EventError):
        cs(world).network.arrive(mover.juminhyo_code, OTHER_DANTAI)
    store.set_status(DANTAI, numbers["M01"], "completed")
    (certificate,) = other.tenshutsu
    assert (certificate.juminhyo_code, certificate.from_dantai) == (mover.juminhyo_code, DANTAI)
    assert {one.serial for one in certificate.certificates} == serials
    assert mover.juminhyo_code not in town.residents
    # The old town hears it by the next difference, the new town has nobody before the 転入届.
    cs(world).exchange(ExchangeOrder(wanted="diff"))
    assert serials.isdisjoint({one.serial for one in world.world.links.full()})
    assert mover.juminhyo_code not in other.residents
    cs(world).network.arrive(mover.juminhyo_code, OTHER_DANTAI)
    assert {one.serial for one in other.of(mover.juminhyo_code)} == serials


def test_finishing_twice_moves_once(world: InProcess) -> None:
    numbers = sent(world)
    store, other = world.world.applications, cs(world).network.town(OTHER_DANTAI)
    for status in ("completed", "processing", "completed"):
        store.set_status(DANTAI, numbers["M01"], status)
    assert len(other.tenshutsu) == 1


def test_members_that_the_notification_names_move_too(world: InProcess) -> None:
    person = portal(world).store.people.persons[0]
    member = next(one for one in person.household if one.index != person.resident.index and one.juminhyo_code)
    named = {"member_name-1": member.name, "member_birth_date-1": member.birth_date.isoformat()}
    numbers = sent(world, **named)
    world.world.applications.set_status(DANTAI, numbers["M01"], "completed")
    moved = {one.juminhyo_code for one in cs(world).network.town(OTHER_DANTAI).tenshutsu}
    assert moved == {person.resident.juminhyo_code, member.juminhyo_code}


def passed_on(
    world: InProcess, procedure: str, dantai: str, *, client: str = "key", number: int = 0, **values: str
) -> dict[str, str]:
    """What the API answers to an application that a site of that key passes on, signed by resident ``number``."""
    http = api(world, client)
    form = http.get(f"/shinsei/v1/procedures/{procedure}/form", params={"dantaiCode": dantai}).json()["items"]
    items = [one | {"value": values.get(one["id"], one["value"])} for one in filled(form)]
    made = create(http, procedure, dantai, key=f"{procedure}{dantai}{client}{number}", items=items).json()
    answer = submit(http, made["draftId"], proofs(world, made["signTarget"], number))
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


def state(world: InProcess, receipt_no: str, client: str = "key") -> dict[str, str]:
    found: dict[str, str] = api(world, client).get(f"/shinsei/v1/applications/{receipt_no}/status").json()
    return found


@pytest.mark.parametrize("first", ["M01", "M02"])
def test_sent_apart_by_two_sites_they_are_one_move(world: InProcess, first: str) -> None:
    towns, clients = {"M01": DANTAI, "M02": OTHER_DANTAI}, {"M01": "key", "M02": "key2"}
    second = "M02" if first == "M01" else "M01"
    done = {one: passed_on(world, one, towns[one], client=clients[one]) for one in (first, second)}
    assert "pairedReceiptNo" not in done[first]
    assert done[second]["pairedReceiptNo"] == done[first]["receiptNo"]
    told = state(world, done[first]["receiptNo"], clients[first])
    assert told["pairedReceiptNo"] == done[second]["receiptNo"]
    other = cs(world).network.town(OTHER_DANTAI)
    assert other.tenshutsu == []
    world.world.applications.set_status(DANTAI, done["M01"]["receiptNo"], "completed")
    mover = portal(world).store.people.persons[0].resident
    assert [one.juminhyo_code for one in other.tenshutsu] == [mover.juminhyo_code]
    assert mover.juminhyo_code not in other.residents


def test_a_reservation_that_comes_after_the_old_town_has_finished_lets_it_travel_then(world: InProcess) -> None:
    other = cs(world).network.town(OTHER_DANTAI)
    leaving = passed_on(world, "M01", DANTAI)
    world.world.applications.set_status(DANTAI, leaving["receiptNo"], "completed")
    assert other.tenshutsu == []
    passed_on(world, "M02", OTHER_DANTAI)
    assert len(other.tenshutsu) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"number": 1},
        {"move_date": "2026-11-01"},
        {"move_kind": "転居"},
        {"dantai": DANTAI},
    ],
)
def test_what_is_no_move_of_one_person_is_no_pair(world: InProcess, other: dict[str, str | int]) -> None:
    leaving = passed_on(world, "M01", DANTAI)
    number, dantai = int(other.pop("number", 0)), str(other.pop("dantai", OTHER_DANTAI))
    coming = passed_on(world, "M02", dantai, number=number, **{key: str(value) for key, value in other.items()})
    assert "pairedReceiptNo" not in coming
    world.world.applications.set_status(DANTAI, leaving["receiptNo"], "completed")
    assert cs(world).network.town(OTHER_DANTAI).tenshutsu == []


def test_a_reservation_belongs_to_one_notification(world: InProcess) -> None:
    first = passed_on(world, "M01", DANTAI)
    second = passed_on(world, "M01", DANTAI, client="key2")
    coming = passed_on(world, "M02", OTHER_DANTAI)
    assert coming["pairedReceiptNo"] == second["receiptNo"]
    assert "pairedReceiptNo" not in state(world, first["receiptNo"])


def test_a_lone_reservation_moves_nobody(world: InProcess) -> None:
    coming = passed_on(world, "M02", OTHER_DANTAI)
    world.world.applications.set_status(OTHER_DANTAI, coming["receiptNo"], "completed")
    mover = portal(world).store.people.persons[0].resident
    other = cs(world).network.town(OTHER_DANTAI)
    assert (other.tenshutsu, mover.juminhyo_code in other.residents) == ([], False)
    with pytest.raises(EventError):
        cs(world).network.arrive(mover.juminhyo_code, OTHER_DANTAI)
