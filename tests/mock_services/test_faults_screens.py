"""The disturbances reach the screens and the LGWAN site as any other surface; chance is drawn from a seed."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mock_services.faults import FaultError
from mock_services.models import Fault
from tests.mock_services.support import InProcess, asgi_client, in_process, meta, process, window

SECTIONS: dict[str, Any] = {"kanri": {}, "lgwan": {}, "portal": {"api_keys": {"site": "key"}}}
SCREENS = {"kanri": ("kanri", "kanri-screen", "/sign-in"), "portal-screen": ("portal", "portal-screen", "/"), "lgwan-site": ("lgwan", "lgwan-site", "/")}  # fmt: skip


@pytest.fixture
def town(tmp_path: Path) -> Iterator[InProcess]:
    world = in_process(tmp_path, dantai_code="991236", **SECTIONS)
    yield world
    world.world.recorder.close()


def opened(world: InProcess, screen: str) -> tuple[httpx.Client, str]:
    system, door, path = SCREENS[screen]
    return asgi_client(world.world.systems[system].doors()[door]), path


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(
    ("name", "params", "status"),
    [
        ("unavailable", {"retry_after": 9}, 503),
        ("maintenance", {}, 503),
        ("unexpected", {}, 500),
        ("too-many", {"retry_after": 3}, 429),
        ("unauthorised", {}, 401),
        ("error-without-json", {"status": 502}, 502),
        ("redirect", {}, 302),
    ],
)
def test_a_screen_can_be_out_of_order(
    town: InProcess, screen: str, name: str, params: dict[str, object], status: int
) -> None:
    client, path = opened(town, screen)
    town.world.set_faults([Fault(name=name, system=screen, times=1, params=params)])
    answer = client.get(path)
    assert answer.status_code == status
    wait = params.get("retry_after")
    assert answer.headers.get("Retry-After") == (None if wait is None else str(wait))
    assert client.get(path).status_code == 200
    (state,) = town.world.fault_states()
    assert state.applied == 1
    assert [one.fault for one in town.world.recorder.exchanges()] == [name, ""]


@pytest.mark.parametrize("part", ["directory", "data"])
def test_a_package_that_staff_download_by_hand_can_be_broken(town: InProcess, part: str) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("a.xml", "<a>" + " ".join(map(str, range(500))) + "</a>")
    town.world.load_application(meta(1, dantai_code="991236"), whole.getvalue())
    client, _ = opened(town, "kanri")
    signed = {"dantai_code": "991236", "account": "city", "secret": "open sesame"}
    assert client.post("/sign-in", data=signed).status_code == 303
    town.world.set_faults([Fault(name="corrupt-zip", system="kanri", times=1, params={"part": part})])
    assert client.get("/").status_code == 200  # a page is no package: the fault waits
    with pytest.raises((zipfile.BadZipFile, zlib.error)):
        zipfile.ZipFile(io.BytesIO(client.get("/applications/R0001/package").content)).testzip()
    assert client.get("/applications/R0001/package").content == whole.getvalue()
    with pytest.raises(FaultError):
        town.world.set_faults([Fault(name="corrupt-zip", system="portal-screen")])


def test_a_fault_of_every_system_is_armed_wherever_it_can_strike(town: InProcess) -> None:
    town.world.set_faults([Fault(name="latency", system="*", params={"ms": 1})])
    armed = {one.fault.system for one in town.world.fault_states()}
    assert armed == {
        "download",
        "juki",
        "core:jido_teate",
        "core:kaigo",
        "portal",
        "portal-screen",
        "kanri",
        "lgwan-site",
    }
    town.world.set_faults([Fault(name="tls", system="*", params={"variant": "expired"})])
    assert [one.fault.system for one in town.world.fault_states()] == ["download"]


def test_below_http_a_screen_breaks_as_any_other_surface(tmp_path: Path) -> None:
    with process(tmp_path, dantai_code="991236", **SECTIONS) as world:
        address = world.endpoints.systems["portal-screen"]
        for name, params in {"truncate": {"bytes": 50}, "reset-mid-body": {"bytes": 50}, "reset": {}, "wrong-length": {"by": 5}}.items():  # fmt: skip
            world.client.set_faults([Fault(name=name, system="portal-screen", times=1, params=params)])
            with pytest.raises(httpx.TransportError):
                httpx.get(address, trust_env=False)
            assert httpx.get(address, trust_env=False).status_code == 200
        world.client.set_faults(
            [
                Fault(name="slow-drip", system="portal-screen", params={"piece": 400, "every_ms": 1}),
                Fault(name="truncate", system="portal-screen", params={"bytes": 1000}),
                Fault(name="clock-skew", system="portal-screen", params={"seconds": 3600}),
            ]
        )
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(address, trust_env=False)
        last = world.client.exchanges()[-1]
        assert (last.fault, last.response_body.size) == ("clock-skew,slow-drip,truncate", 1000)


def struck(world: InProcess, seed: int) -> list[bool]:
    client = world.logged_in()
    world.world.set_faults([Fault(name="unavailable", operation="list", percent=40, seed=seed)])
    found = [client.get("/api/v1/applications", params=window()).status_code == 503 for _ in range(40)]
    world.world.set_faults([])
    return found


def test_chance_is_the_same_for_the_same_seed(town: InProcess) -> None:
    town.world.load_application(meta(1, dantai_code="991236"), b"PK")
    inside = in_process(town.world.config.run_dir / "other")
    one, again, other = struck(inside, 1), struck(inside, 1), struck(inside, 2)
    inside.world.recorder.close()
    assert one == again != other
    assert 5 < sum(one) < 30


def test_what_goes_by_calls_takes_no_chance(inside: InProcess) -> None:
    for name, params in {"shift": {}, "expire-token": {"after_calls": 1}, "proxy-down": {}}.items():
        with pytest.raises(FaultError, match="percent"):
            inside.world.set_faults([Fault(name=name, percent=50, params=params)])


def test_401_in_mid_list_leaves_the_token_good(inside: InProcess) -> None:
    for number in range(1, 6):
        inside.world.load_application(meta(number), b"PK")
    client = inside.logged_in()
    inside.world.set_faults([Fault(name="unauthorised", operation="list", times=1, params={"after_calls": 1})])
    answers = [client.get("/api/v1/applications", params=window(offset=at, limit=2)) for at in (0, 2, 2, 4)]
    assert [one.status_code for one in answers] == [200, 401, 200, 200]
    assert answers[1].json()["code"] == "DL0402"
