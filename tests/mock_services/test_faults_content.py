"""Faults of content and place, in process: what each does to an answer, on the download function and on others."""

from __future__ import annotations

import csv
import hashlib
import io
import time
import zipfile
import zlib

import httpx
import pytest

from mock_services.faults import FaultError
from mock_services.models import Fault
from tests.mock_services.support import START, InProcess, atena, link, meta, window


def package() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("R0001/form.xml", "<form/>" * 200)
        file.writestr("R0001/application.xml", "<application/>" * 200)
    return out.getvalue()


PACKAGE = package()


def load(inside: InProcess, count: int = 1) -> httpx.Client:
    for number in range(1, count + 1):
        inside.world.load_application(meta(number), PACKAGE)
    return inside.logged_in()


def opens(data: bytes) -> bool:
    try:
        return zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    except (zipfile.BadZipFile, zlib.error):
        return False


def fault(
    name: str, system: str = "download", operation: str = "*", times: int | None = None, **params: object
) -> Fault:
    return Fault(name=name, system=system, operation=operation, times=times, params=params)


def get(client: httpx.Client) -> httpx.Response:
    return client.get("/api/v1/applications/R0001/package")


@pytest.mark.parametrize("part", ["directory", "data"])
def test_a_corrupt_zip_has_the_digest_of_the_broken_bytes(inside: InProcess, part: str) -> None:
    client = load(inside)
    inside.world.set_faults([fault("corrupt-zip", times=1, part=part)])
    answer = get(client)
    assert answer.headers["X-Content-SHA256"] == hashlib.sha256(answer.content).hexdigest()
    assert not opens(answer.content)
    assert get(client).content == PACKAGE


def test_missing_rows_are_still_counted(inside: InProcess) -> None:
    client = load(inside, 3)
    inside.world.set_faults([fault("missing-rows", operation="list", n=2, times=1)])
    body = client.get("/api/v1/applications", params=window()).json()
    assert (body["total"], [row["receiptNo"] for row in body["items"]]) == (3, ["R0003"])
    assert len(client.get("/api/v1/applications", params=window()).json()["items"]) == 3


@pytest.mark.parametrize("path", ["/himozuke/v1/zenken", "/himozuke/v1/sabun?since=0", "/atena/v1/zenken"])
def test_the_tables_count_their_rows_and_a_missing_row_leaves_the_count(inside: InProcess, path: str) -> None:
    inside.world.put_links([link("A1"), link("A2")])
    inside.world.put_atena("kaigo", [atena("1"), atena("2")])
    client = inside.atena("kaigo") if "atena" in path else inside.link()

    def told() -> tuple[str, int]:
        answer = client.get(path)
        rows = list(csv.reader(io.StringIO(answer.text, newline="")))
        return answer.headers["X-Total-Count"], len(rows) - 1

    assert told() == ("2", 2)
    inside.world.set_faults([fault("missing-rows", "*", times=1)])
    assert told() == ("2", 1)
    inside.world.set_faults([fault("duplicate-rows", "*", times=1)])
    assert told() == ("3", 3)


def test_a_row_that_stands_twice_in_the_status_list_is_counted_twice(inside: InProcess) -> None:
    client = load(inside, 2)
    inside.world.set_faults([fault("duplicate-rows", operation="status_list", times=1)])
    body = client.get("/api/v1/statuses", params=window()).json()
    assert (body["total"], len(body["items"])) == (3, 3)


def test_a_redirect_leads_to_another_host(inside: InProcess) -> None:
    client = load(inside)
    inside.world.set_faults([fault("redirect", operation="get", times=1, to="https://evil.lgwan.test", status=307)])
    answer = get(client)
    assert (answer.status_code, answer.headers["Location"]) == (307, "https://evil.lgwan.test/")
    assert get(client).content == PACKAGE


def test_unavailable_says_nothing_but_503(inside: InProcess) -> None:
    client = load(inside)
    inside.world.set_faults([fault("unavailable", times=1, retry_after=9)])
    answer = get(client)
    assert (answer.status_code, answer.content, answer.headers["Retry-After"]) == (503, b"", "9")


def test_clock_skew_moves_the_date_header_only(inside: InProcess) -> None:
    client = load(inside)
    right = get(client)
    inside.world.set_faults([fault("clock-skew", times=1, seconds=-3600)])
    skewed = get(client)
    assert START.astimezone().strftime("%Y") in right.headers["Date"]
    assert (right.headers["Date"], skewed.headers["Date"]) == (
        "Sat, 10 Oct 2026 00:00:00 GMT",
        "Fri, 09 Oct 2026 23:00:00 GMT",
    )
    assert skewed.content == PACKAGE


def test_jitter_is_the_same_for_the_same_seed(inside: InProcess) -> None:
    client = load(inside)
    taken: list[list[float]] = []
    for seed in (1, 1):
        inside.world.set_faults([fault("jitter", operation="get", most_ms=60, seed=seed)])
        spent = []
        for _ in range(3):
            started = time.monotonic()
            assert get(client).content == PACKAGE
            spent.append(time.monotonic() - started)
        taken.append(spent)
    box = inside.world.boxes["download"]
    armed = box.peek("jitter", "get")
    assert armed is not None
    drawn = []
    for applied in (1, 2, 3):
        armed.applied = applied
        drawn.append(armed.drawn(1, 61) / 1000)
    assert len(set(drawn)) > 1
    for spent in taken:
        assert all(got >= wanted for got, wanted in zip(spent, drawn, strict=True))


def test_faults_strike_the_other_systems_too(inside: InProcess) -> None:
    inside.world.put_links([link("A1"), link("A2")])
    inside.world.put_atena("kaigo", [atena("1"), atena("2")])
    inside.world.set_faults(
        [
            fault("duplicate-rows", "juki", "full", times=1),
            fault("missing-rows", "core:kaigo", times=1),
            fault("too-many", "core:jido_teate"),
            fault("maintenance", "juki", "lookup"),
        ]
    )
    links = inside.link().get("/himozuke/v1/zenken")
    assert [row[0] for row in csv.reader(io.StringIO(links.text, newline=""))][1:] == ["A1", "A1", "A2"]
    persons = inside.atena("kaigo").get("/atena/v1/zenken")
    assert len(persons.text.splitlines()) == 2
    assert inside.atena("jido_teate").get("/atena/v1/zenken").status_code == 429
    assert inside.link().get("/himozuke/v1/shokai", params={"serial": "A1"}).status_code == 503
    assert [state.applied for state in inside.world.fault_states()] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (fault("reset", "jukii"), "あるもの"),
        (fault("shift", "juki"), "juki"),
        (fault("tls", "juki", variant="expired"), "juki"),
        (fault("expire-token", "juki", after_calls=1), "juki"),
        (fault("duplicate-rows", operation="get"), "status_list"),
        (fault("redirect", to="javascript:alert(1)"), "params.to"),
    ],
)
def test_a_fault_that_cannot_strike_there_arms_nothing(inside: InProcess, wrong: Fault, hint: str) -> None:
    inside.world.set_faults([fault("reset", "juki")])
    with pytest.raises(FaultError, match=hint):
        inside.world.set_faults([fault("maintenance"), wrong])
    assert [state.fault.name for state in inside.world.fault_states()] == ["reset"]
