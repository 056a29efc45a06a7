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
from tests.mock_services.portal_support import portal
from tests.mock_services.support import DANTAI, OTHER_DANTAI, InProcess, asgi_client, in_process
from tests.mock_services.test_portal_screens import fill as fill_form
from tests.mock_services.test_portal_screens import sign_in


@pytest.fixture
def world(tmp_path: Path) -> Iterator[InProcess]:
    found = in_process(
        tmp_path,
        portal={"api_keys": {"site": "key"}},
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
