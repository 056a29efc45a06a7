"""The control API's call ``seed``: a running world becomes, in one step, the one that a start with these values gives."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from mock_services.control import Fault, Rules, SeedOrder, WorldClient, WorldError
from mock_services.juki_cs.wire import ExchangeOrder
from mock_services.models import Seeded
from mock_services.portal.errors import NotFoundError
from mock_services.portal.models import File, Proofs
from mock_services.portal.people import People
from mock_services.seeding import filled_aside
from mock_services.world import RefusedError
from tests.mock_services.portal_support import api, create, portal, with_portal
from tests.mock_services.support import DANTAI, OTHER_DANTAI, START, TIME, Process, in_process, link, meta, process

TOWN = "992038"
"""A made-up 団体コード that no account has at the start."""
APPLICATIONS = 60
SECTIONS: dict[str, Any] = {
    "togo": {"clients": [{"client_id": "A" * 32, "secret": "s" * 40}]},
    "juki_cs": {"other_towns": ["992020"]},
    "portal": {"api_keys": {"site": "portal-key"}},
    "kanri": {},
    "lgwan": {},
}
COUNTERS = re.compile(rb'"(?:saishuKoshinRenban|renban)": ?\d+|"(?:sakuseiNichiji|fileMei)": ?"[^"]*"')
"""What goes on counting over a reset (a product that keeps it must never see one twice), and when a file was written."""


def world_of(folder: Path, seed: int) -> Any:
    folder.mkdir()
    sections = SECTIONS | {"portal": SECTIONS["portal"] | {"people_seed": seed}}
    return process(folder, fixtures={"seed": seed, "applications": APPLICATIONS}, **sections)


@pytest.fixture(scope="module")
def of_three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with world_of(tmp_path_factory.mktemp("three") / "w", 3) as world:
        yield world


@pytest.fixture(scope="module")
def of_eight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with world_of(tmp_path_factory.mktemp("eight") / "w", 8) as world:
        yield world


ORDER_3 = SeedOrder(seed=3, applications=APPLICATIONS, start_clock=START, dantai_code=DANTAI)
ORDER_8 = ORDER_3.model_copy(update={"seed": 8})


@dataclass
class Doors:
    """Every public surface of one world, as its clients reach it."""

    world: Process
    town: str = DANTAI

    def __post_init__(self) -> None:
        self._http = httpx.Client(trust_env=False, verify=False, timeout=60)  # noqa: S501 - by address

    def close(self) -> None:
        self._http.close()

    def get(self, url: str, **how: Any) -> httpx.Response:
        answer = self._http.get(url, **how)
        assert answer.status_code == 200, (url, answer.status_code, answer.text[:200])
        return answer

    def applications(self) -> dict[str, bytes]:
        url = f"https://{self.world.endpoints.download_address}/api/v1"
        body = {"dantaiCode": self.town, "account": "city", "secret": "open sesame"}
        answer = self._http.post(f"{url}/login", json=body)
        assert answer.status_code == 200, answer.text
        headers = {"Authorization": f"Bearer {answer.json()['accessToken']}"}
        window = {"receivedFrom": START.replace(year=2025).strftime(TIME), "receivedTo": START.strftime(TIME)}
        found: dict[str, bytes] = {}
        rows = self.get(f"{url}/applications", params=window | {"limit": "100"}, headers=headers).json()
        assert rows["total"] == len(rows["items"])
        for row in rows["items"]:
            found[json.dumps(row)] = self.get(f"{url}/applications/{row['receiptNo']}/package", headers=headers).content
        found["statuses"] = self.get(f"{url}/statuses", params=window, headers=headers).content
        return found

    def links(self) -> bytes:
        url = f"{self.world.endpoints.link_url}/himozuke/v1/zenken"
        return self.get(url, headers={"X-Api-Key": "link-key"}).content

    def atena(self, core: str, key: str) -> bytes:
        return self.get(f"{self.world.endpoints.atena_urls[core]}/atena/v1/zenken", headers={"X-Api-Key": key}).content

    def staff(self) -> str:
        url = self.world.endpoints.systems["kanri-screen"]
        form = {"dantai_code": self.town, "account": "city", "secret": "open sesame"}
        self._http.post(f"{url}/sign-in", data=form)
        return self.get(f"{url}/").text

    def files(self) -> list[bytes]:
        done = self.world.client.drop_links("full")
        folder = Path(done.folder) / "himozuke"
        assert all(self.town in name for name in done.names)
        return [COUNTERS.sub(b"", (folder / name).read_bytes()) for name in done.names]

    def everything(self) -> dict[str, Any]:
        client, control = self.world.client, self.world.endpoints.control_url
        systems = self.world.endpoints.systems
        links = self.links()
        serial = links.decode().splitlines()[1].partition(",")[0]
        client.set_clock(START)
        return {
            "applications": self.applications(),
            "links": links,
            "history": client.link_history(serial),
            "jido_teate": self.atena("jido_teate", "jido-key"),
            "kaigo": self.atena("kaigo", "kaigo-key"),
            "togo": self.get(f"{control}/world/v1/togo").json(),
            "cs": client.cs_state(),
            "people": client.test_people(),
            "residents": self.get(f"{systems['portal-screen']}/sign-in").text,
            "search": self.get(f"{systems['portal-screen']}/").text,
            "staff": self.staff(),
            "files": self.files(),
            "faults": client.faults(),
        }


@pytest.fixture
def three(of_three: Process) -> Iterator[Doors]:
    doors = Doors(of_three)
    yield doors
    doors.close()


@pytest.fixture
def eight(of_eight: Process) -> Iterator[Doors]:
    of_eight.client.seed(ORDER_8)
    doors = Doors(of_eight)
    yield doors
    doors.close()


def test_a_seeded_world_is_the_one_that_was_started_with_that_seed(three: Doors, eight: Doors) -> None:
    client = eight.world.client
    client.load_application(meta(1), b"PK")
    client.put_links([link("A1")])
    client.set_faults([Fault(name="latency", params={"ms": 1})])
    client.cs_exchange(ExchangeOrder(wanted="diff"))
    files = client.drop_links("full")
    before = eight.everything()
    client.set_rules(Rules(client_certificate="required", calls_per_minute=1))
    assert client.seed(ORDER_3) == Seeded(seed=3, applications=APPLICATIONS, start_clock=START, dantai_code=DANTAI)
    assert not any((Path(files.folder) / "himozuke" / name).exists() for name in files.names)
    expected, found = three.everything(), eight.everything()
    assert {name: found[name] == expected[name] for name in expected} == dict.fromkeys(expected, True)
    for order in (ExchangeOrder(wanted="diff", again=True), ExchangeOrder(wanted="diff")):
        answers = [one.world.client.cs_exchange(order) for one in (three, eight)]
        stated = [one.model_dump(exclude={"request", "answers", "last_seq"}) for one in answers]
        assert stated[0] == stated[1]
    three.world.client.seed(ORDER_3)  # the exchanges have moved it on
    same = {name for name in before if before[name] == found[name]}
    assert same <= {"cs", "search"}, "counts and the list of procedures are those of every seed"


def test_the_same_seed_once_more_brings_back_what_was_changed(eight: Doors) -> None:
    before = eight.everything()
    client = eight.world.client
    client.put_atena("kaigo", [])
    client.put_togo([])
    client.load_application(meta(1), b"PK")
    client.seed(ORDER_8)
    assert eight.everything() == before


def test_tokens_and_sessions_of_the_old_world_end(eight: Doors) -> None:
    client, systems = eight.world.client, eight.world.endpoints.systems
    screen = systems["portal-screen"]
    eight._http.post(f"{screen}/sign-in", data={"number": "2"})
    assert client.test_people()[2].name in eight.get(f"{screen}/receipts").text
    client.seed(ORDER_3)
    assert eight._http.get(f"{screen}/receipts").headers["Location"].startswith("/sign-in")
    assert client.revoke_tokens() == 0


def test_another_municipality_is_known_on_every_side(eight: Doors) -> None:
    client = eight.world.client
    eight.staff()
    done = client.seed(ORDER_3.model_copy(update={"dantai_code": TOWN}))
    assert done.dantai_code == TOWN
    url = eight.world.endpoints.systems["kanri-screen"]
    assert eight._http.get(f"{url}/").headers["Location"] == "/sign-in", "the old town has no account any more"
    moved = Doors(eight.world, TOWN)
    try:
        found = moved.everything()
    finally:
        moved.close()
    assert len(found["applications"]) == APPLICATIONS + 1
    assert all(f'"{TOWN}"' in row for row in found["applications"] if row != "statuses")
    assert [one.dantai_code for one in found["cs"]] == [TOWN, "992020"]
    assert TOWN in found["search"]
    assert DANTAI not in found["search"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "seed"),
        (b'{"seed": -1}', "seed"),
        (b'{"seed": "one"}', "seed"),
        (b'{"seed": 1.5}', "seed"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "body"),
        (b'{"seed": 1, "applications": 10000001}', "applications"),
        (b'{"seed": 1, "applications": -1}', "applications"),
        (b'{"seed": 1, "start_clock": "2026-10-10T09:00:00"}', "start_clock"),
        (b'{"seed": 1, "start_clock": "1999-12-31T23:59:59+09:00"}', "start_clock"),
        (b'{"seed": 1, "start_clock": "9999-12-31T23:59:59-12:00"}', "start_clock"),
        (b'{"seed": 1, "dantai_code": ""}', "dantai_code"),
        (b'{"seed": 1, "dantai_code": "999998"}', "dantai_code"),
        (b'{"seed": 1, "dantai_code": "../../x"}', "dantai_code"),
        (f'{{"seed": 1, "dantai_code": "{OTHER_DANTAI}"}}'.encode(), "dantai_code"),
        (b'{"seed": 1, "dantai_code": "992020"}', "dantai_code"),
        (b'{"seed": 1, "profile": "baseline"}', "profile"),
        (b'{"seed": 1', ""),
        (b"[]", ""),
        (b"", ""),
        (b"\xff\xfe", ""),
    ],
)
def test_a_wrong_order_names_its_field_and_changes_nothing(three: Doors, body: bytes, field: str) -> None:
    url = f"{three.world.endpoints.control_url}/world/v1/seed"
    three.world.client.set_faults([Fault(name="latency", params={"ms": 1})])
    before = three.links(), three.staff(), three.world.client.test_people(), three.world.client.faults()
    answer = httpx.post(url, content=body, headers={"Content-Type": "application/json"}, trust_env=False)
    assert answer.status_code == 422, answer.text
    assert field in answer.json()["message"]
    after = three.links(), three.staff(), three.world.client.test_people(), three.world.client.faults()
    three.world.client.clear_faults()
    assert after == before


def test_what_is_answered_meanwhile_is_old_or_new_and_never_old_again(three: Doors, eight: Doors) -> None:
    """Reads link → persons → people in this order, again and again, while the world changes from 8 to 3."""
    client = eight.world.client

    def seen() -> tuple[Any, ...]:
        return (
            eight.links(),
            eight.atena("kaigo", "kaigo-key"),
            tuple(client.test_people()),
            eight.get(f"{eight.world.endpoints.control_url}/world/v1/togo").text,
        )

    old, rounds, stop = seen(), [], threading.Event()
    client.seed(ORDER_3)
    new = seen()
    client.seed(ORDER_8)

    def look() -> None:
        while not stop.is_set():
            rounds.append(seen())

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(look)
        with WorldClient(eight.world.endpoints.control_url) as other:
            other.seed(ORDER_3)
        while len(rounds) < 2 or rounds[-1] != new:
            assert not watching.done(), watching.result()
        stop.set()
        watching.result()
    flat = [part for row in rounds for part in zip(row, old, new, strict=True)]
    assert all(found in (before, after) for found, before, after in flat)
    states = [found == after for found, before, after in flat if before != after]
    assert states == sorted(states)
    assert (states[0], states[-1]) == (False, True)


def test_two_who_seed_at_once_leave_one_whole_world(three: Doors, eight: Doors) -> None:
    expected = {8: eight.everything(), 3: three.everything()}

    def order(number: int) -> int:
        with WorldClient(eight.world.endpoints.control_url) as client:
            return client.seed(ORDER_3 if number % 2 else ORDER_8).seed

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(order, range(4))) == [3, 3, 8, 8]
    assert eight.everything() in expected.values()


def test_what_cannot_be_filled_leaves_the_world_as_it_was(tmp_path: Path) -> None:
    overlay = tmp_path / "short.toml"
    overlay.write_text("[package.documents.application.items.receipt_no]\nlength = 13\n", encoding="utf-8")
    world = in_process(tmp_path / "w", overlay=overlay).world
    world.put_links([link("A1")])
    before = world.links.last_seq
    with pytest.raises(RefusedError, match="receipt_no"):
        filled_aside(world, SeedOrder(seed=1, applications=500))
    assert (world.links.last_seq, world.config.fixtures) == (before, None)
    assert not list((tmp_path / "w").glob("juki-cs/*/*"))
    world.recorder.close()


def test_a_draft_of_the_old_people_is_nobodys_any_more(tmp_path: Path) -> None:
    worlds = with_portal(tmp_path / "w"), with_portal(tmp_path / "x", people_seed=2)
    store, other = (portal(one).store for one in worlds)
    with api(worlds[0]) as http:
        draft = store.draft("site", create(http).json()["draftId"])
    store.take_over(other)
    with pytest.raises(NotFoundError):
        store.submit(draft, Proofs(), "api")
    with pytest.raises(NotFoundError):
        store.attach(draft, File(1, "書類", "a.pdf", b"%PDF"))
    for one in worlds:
        one.world.recorder.close()


def test_the_clock_goes_on_when_none_is_asked_for(eight: Doors) -> None:
    client = eight.world.client
    client.set_clock(START.replace(month=12))
    done = client.seed(SeedOrder(seed=5, applications=1))
    assert done.start_clock.month == 12
    assert done.start_clock <= client.clock()
    assert client.seed(SeedOrder(seed=5, applications=0, start_clock=START)).applications == 0
    assert client.clock().month == START.month


def test_a_year_out_of_reach_of_the_clock_is_refused(eight: Doors) -> None:
    client = eight.world.client
    client.set_clock(START.replace(year=1950))
    with pytest.raises(WorldError, match="start_clock"):
        client.seed(SeedOrder(seed=5))
    client.set_clock(START)


@pytest.mark.parametrize("year", [2000, 2099])
def test_the_years_that_are_promised_can_be_made(tmp_path: Path, year: int) -> None:
    world = in_process(tmp_path, **SECTIONS).world
    done = filled_aside(world, SeedOrder(seed=1, start_clock=START.replace(year=year, month=1, day=1)))
    assert len(done.links.full()) > 100
    system = done.systems["portal"]
    assert isinstance(system.store.people, People)  # type: ignore[attr-defined]
    world.recorder.close()
