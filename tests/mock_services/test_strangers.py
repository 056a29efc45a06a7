"""Whose call it is: told by the credential it carries; a stranger strikes no fault and leaves no evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mock_services.control import Fault
from mock_services.strangers import LOG, MOST_GROUPS, MOST_LINES, Strangers
from tests.mock_services.support import DANTAI, InProcess, in_process, meta

LOGIN = "/api/v1/login"
OLD = "0" * 64
WINDOW = {"receivedFrom": "2026-10-10T00:00:00+09:00", "receivedTo": "2026-10-11T00:00:00+09:00"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[InProcess]:
    made = in_process(tmp_path, correlate=True)
    made.world.load_application(meta(1), b"PK")
    yield made
    made.world.recorder.close()


def login(world: InProcess, secret: str) -> int:
    body = {"dantaiCode": DANTAI, "account": "city", "secret": secret}
    with world.download() as client:
        return client.post(LOGIN, json=body).status_code


def test_a_credential_of_another_run_is_set_aside(world: InProcess, tmp_path: Path) -> None:
    assert login(world, "last year's") == 401
    with world.download() as client:
        client.headers["Authorization"] = f"Bearer {OLD}"
        assert client.get("/api/v1/applications", params=WINDOW).status_code == 401
        assert client.get("/nowhere").status_code == 404
    with world.link() as client:
        assert client.get("/himozuke/v1/zenken", headers={"X-Api-Key": "old-key"}).status_code == 401
    with world.atena("kaigo") as client:
        assert client.get("/atena/v1/zenken", headers={"X-Api-Key": "old-key"}).status_code == 401
    assert world.world.recorder.exchanges() == []
    seen = [(one.system, one.operation, one.cause, one.aside, one.count) for one in world.world.strangers.seen()]
    assert seen == [
        ("download", "login", "account", True, 1),
        ("download", "list", "token", True, 1),
        ("download", "", "token", True, 1),
        ("juki", "full", "key", True, 1),
        ("core:kaigo", "full", "key", True, 1),
    ]
    log = (tmp_path / LOG).read_text(encoding="utf-8")
    assert len(log.splitlines()) == 5
    assert set(json.loads(log.splitlines()[0])) == {"at", "system", "operation", "peer", "cause", "aside"}
    assert not any(secret in log for secret in ("last year's", OLD, "old-key"))


def test_what_is_of_this_run_is_evidence_whatever_becomes_of_it(world: InProcess) -> None:
    with closing(world.logged_in()) as client:
        assert client.get("/api/v1/applications", params=WINDOW).status_code == 200
        world.world.applications.revoke_all()
        assert client.get("/api/v1/applications", params=WINDOW).status_code == 401
        client.headers["Authorization"] = client.headers["Authorization"].removeprefix("Bearer ")
        assert client.get("/api/v1/applications", params=WINDOW).status_code == 401
    with world.link() as client:
        assert client.get("/himozuke/v1/zenken", headers={"X-Api-Key": "kaigo-key"}).status_code == 401
    assert [one.status for one in world.world.recorder.exchanges()] == [200, 200, 401, 401, 401]
    assert world.world.strangers.seen() == []


def test_a_call_with_no_credential_is_noted_and_stays_evidence(world: InProcess) -> None:
    with world.download() as client:
        assert client.get("/api/v1/applications", params=WINDOW).status_code == 401
        assert client.post(LOGIN, content=b"{").status_code == 400
    with world.atena("kaigo") as client:
        del client.headers["X-Api-Key"]
        assert client.get("/atena/v1/zenken").status_code == 401
    assert len(world.world.recorder.exchanges()) == 3
    assert {(one.cause, one.aside) for one in world.world.strangers.seen()} == {("none", False)}


def test_what_a_stranger_sends_is_counted_in_bytes(world: InProcess) -> None:
    with world.download() as client:
        client.headers["Authorization"] = "Bearer made-up"
        assert client.get("/api/v1/applications", params=WINDOW).status_code == 401
        assert client.post("/collect", content=b"x" * 700).status_code == 404
        assert client.post("/collect", content=b"x" * 5).status_code == 404
    assert [(one.operation, one.aside, one.count, one.bytes) for one in world.world.strangers.seen()] == [
        ("list", True, 1, 0),
        ("", True, 2, 705),
    ]
    assert world.world.recorder.exchanges() == []


def test_a_stranger_takes_no_disturbance_away(world: InProcess) -> None:
    world.world.set_faults([Fault(name="maintenance", times=1)])
    assert login(world, "last year's") == 401
    assert login(world, "open sesame") == 503
    assert login(world, "open sesame") == 200


def test_nobody_is_set_aside_unless_the_world_is_told_to(tmp_path: Path) -> None:
    world = in_process(tmp_path)
    assert login(world, "last year's") == 401
    assert len(world.world.recorder.exchanges()) == 1
    assert world.world.strangers.seen() == []
    world.world.recorder.close()


def test_many_strangers_fill_neither_memory_nor_disk(world: InProcess, tmp_path: Path) -> None:
    strangers: Strangers = world.world.strangers
    for number in range(MOST_LINES + 200):
        strangers.note("download", "list", f"127.0.{number // 100}.{number % 100}:1", "token", 3)
    assert len(strangers.seen()) == MOST_GROUPS + 1
    assert sum(one.count for one in strangers.seen()) == MOST_LINES + 200
    assert sum(one.bytes for one in strangers.seen()) == 3 * (MOST_LINES + 200)
    assert len((tmp_path / LOG).read_text(encoding="utf-8").splitlines()) == MOST_LINES
