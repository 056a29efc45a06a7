"""The control API over the network: refuses wrong data with one sentence, is documented, bears many clients."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from mock_services.control import Fault, PullPlan, StatusChange, WorldClient, WorldError
from mock_services.fault_kinds import FAULTS
from tests.mock_services.support import START, Process, atena, link, meta

BASE = "/world/v1"
NEW = "R-NEVER-LAID"
JAPANESE = re.compile("[ぁ-ヶ一-龠]")


@pytest.fixture
def raw(running: Process) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.endpoints.control_url, trust_env=False) as client:
        yield client


def test_the_clock_is_set_and_ticks_on(outside: WorldClient) -> None:
    assert timedelta(0) <= outside.clock() - START < timedelta(seconds=30)
    outside.set_clock(START + timedelta(days=3))
    first, second = outside.clock(), outside.clock()
    assert START + timedelta(days=3) <= first < second


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/clock", b'{"now": "2026-10-10T09:00:00"}'),
        ("PUT", "/clock", b"now"),
        ("PUT", "/links", b'[{"serial": "A1"}]'),
        ("PUT", "/links", b'[{"serial":"zz","atena_no":"1","valid_from":"2024-01-01","valid_to":"2025-01-01","state":"valid"}]'),
        ("PUT", "/links", b'[{"serial":"A1","atena_no":"1","valid_from":"2024-01-01","valid_to":"2025-01-01","state":"ok"}]'),
        ("POST", "/links/delete", b"{}"),
        ("PUT", "/atena/kaigo", b'[{"atena_no":"1","name":"x","gender":"m","address":"x","state":"resident"}]'),
        ("PUT", "/faults", b'[{"name": "trunkate"}]'),
        ("PUT", "/faults", b'[{"name": "reset", "times": 0}]'),
        ("PUT", "/faults", b'[{"name": "reset", "operatoin": "get"}]'),
        ("POST", "/pull/kaigo", b'{"base_url": "http://x"}'),
        ("POST", "/pull/kaigo", b'{"base_url": "http://x", "api_key": "k", "answers": {"R1": {"result": "maybe"}}}'),
        ("PUT", "/application?receipt_no=R1", b"ZIP"),
        ("GET", "/exchanges?since=-1", b""),
        ("GET", "/exchanges?since=x", b""),
        ("POST", "/seed", b'{"seed": 1, "start_clock": "2026-10-10"}'),
        ("POST", "/seed", b'{"seed": 1.5}'),
        ("POST", "/seed", b'{"seed": 1, "applications": 10000001}'),
        ("POST", "/seed", b'{"seed": '),
    ],
)  # fmt: skip
def test_wrong_data_are_refused_with_a_sentence(raw: httpx.Client, method: str, path: str, body: bytes) -> None:
    answer = raw.request(method, BASE + path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert set(answer.json()) == {"code", "message"}
    ja, separator, en = answer.json()["message"].partition(" / ")
    assert separator
    assert JAPANESE.search(ja)
    assert not JAPANESE.search(en)


@pytest.mark.parametrize(
    "change",
    [
        {"receipt_no": "R" * 33},
        {"receipt_no": "受付１"},
        {"procedure_id": "K" * 17},
        {"dantai_code": "1234567"},
        {"resident_status": "lost"},
    ],
)
def test_an_application_that_no_list_could_show_is_refused(outside: WorldClient, change: dict[str, str]) -> None:
    with pytest.raises(WorldError, match=r"download\.(list|status_list)") as refused:
        outside.load_application(meta(1, **change), b"Z")
    assert refused.value.status == 422


def test_of_many_laid_in_one_call_none_is_taken_when_one_cannot_be_shown(
    outside: WorldClient, raw: httpx.Client
) -> None:
    with pytest.raises(WorldError, match=r"download\.list") as refused:
        outside.load_applications([(meta(1, receipt_no=NEW), b"PK"), (meta(2, receipt_no="R" * 33), b"PK")])
    assert refused.value.status == 422
    with pytest.raises(WorldError) as unknown:
        outside.set_status(StatusChange(receipt_no=NEW, status="completed"))
    assert unknown.value.status == 404


@pytest.mark.parametrize("path", ["/atena/hoiku", "/pull/hoiku"])
def test_an_unknown_core_system_is_not_found(raw: httpx.Client, path: str) -> None:
    body = b"[]" if "atena" in path else b'{"base_url": "http://127.0.0.1:1", "api_key": "k"}'
    answer = raw.request(
        "PUT" if "atena" in path else "POST", BASE + path, content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 404
    assert "kaigo" in answer.json()["message"]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/clock", 405)])
def test_a_call_that_is_none_is_told_where_they_are(raw: httpx.Client, method: str, path: str, status: int) -> None:
    answer = raw.request(method, BASE + path)
    assert answer.status_code == status
    assert "/docs" in answer.json()["message"]


def test_the_client_raises_the_worlds_own_sentence(outside: WorldClient) -> None:
    with pytest.raises(WorldError, match="truncate") as refused:
        outside.set_faults([Fault(name="trunkate")])
    assert refused.value.status == 422
    with pytest.raises(WorldError, match="no such serial"):
        outside.delete_links(["FF"])


def test_a_world_that_is_not_there_is_named() -> None:
    with WorldClient("http://127.0.0.1:9") as nobody, pytest.raises(WorldError, match="届きません") as refused:
        nobody.health()
    assert refused.value.status == 0


def test_a_reset_empties_everything_but_the_record(outside: WorldClient) -> None:
    outside.load_application(meta(1), b"Z")
    outside.put_links([link("A1")])
    outside.put_atena("kaigo", [atena("1")])
    outside.set_faults([Fault(name="maintenance")])
    before = outside.last_seq()
    outside.reset()
    assert outside.faults() == []
    assert outside.last_seq() == before
    with pytest.raises(WorldError):
        outside.delete_links(["A1"])


def test_many_clients_at_once_never_mix_their_data(running: Process, outside: WorldClient) -> None:
    start = outside.put_links([])

    def work(number: int) -> int:
        with WorldClient(running.endpoints.control_url) as client:
            for one in range(10):
                client.put_links([link(f"{number:X}{one:02X}A", f"{number:015d}")])
                client.load_application(meta(number * 10 + one), f"{number}-{one}".encode())
                client.set_faults([Fault(name="latency", params={"ms": number + 1})])
            return client.put_links([])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert outside.put_links([]) == start + 60
    assert len(outside.faults()) == 1


def test_the_api_documents_itself(raw: httpx.Client) -> None:
    page = raw.get("/docs").text
    assert 'src="http' not in page
    assert "<link" not in page
    assert "<script" not in page
    assert all(f"/{one}</code>" in page for one in ("health", "faults", "rules"))
    assert '<a href="#SeedOrder">' in page
    assert '<div id="SeedOrder">' in page
    paths = raw.get("/openapi.json").json()["paths"]
    assert {path.removeprefix(BASE) for path in paths} == {
        "/health", "/endpoints", "/reset", "/seed", "/clock", "/application", "/applications", "/links", "/links/delete", "/atena/{core_system}",
        "/faults", "/rules", "/application/status", "/tokens/revoke", "/upward", "/pull/{core_system}", "/exchanges", "/bodies/{digest}", "/direct-connections", "/strangers",
        "/relay/stop", "/relay/start", "/relay/restart", "/relay/log",
    }  # fmt: skip
    described = paths[f"{BASE}/faults"]["put"]["description"]
    assert all(f"`{name}`" in described for name in FAULTS)


def test_a_pull_from_nobody_is_a_result_and_no_failure(outside: WorldClient) -> None:
    result = outside.pull("kaigo", PullPlan(base_url="http://127.0.0.1:9", api_key="k"))
    assert (result.status, result.listed, result.received) == (0, [], [])
    assert "応答がありません" in result.problems[0]


def test_paths_out_of_the_run_folder_are_no_bodies(raw: httpx.Client) -> None:
    for digest in ("..%2Fworld.json", "0" * 64, "exchanges.jsonl"):
        assert raw.get(f"{BASE}/bodies/{digest}").status_code == 404


def test_a_status_is_registered_from_outside(outside: WorldClient) -> None:
    outside.load_application(meta(1), b"PK")
    outside.set_status(StatusChange(receipt_no="R0001", status="completed", message="済"))
    for wrong in (StatusChange(receipt_no="R0001", status="done"), StatusChange(receipt_no="none", status="completed")):
        with pytest.raises(WorldError, match=" / "):
            outside.set_status(wrong)


def test_tokens_are_revoked_and_what_comes_up_is_counted(running: Process, outside: WorldClient) -> None:
    host, _, port = running.endpoints.link_url.removeprefix("http://").rpartition(":")
    sent = b"GET /himozuke/v1/zenken HTTP/1.1\r\nHost: x\r\nX-Api-Key: no\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        plain.sendall(sent)
        while plain.recv(4096):
            pass
    assert outside.upward() == {"juki": len(sent)}
    assert outside.revoke_tokens() == 0
    outside.reset()
    assert outside.upward() == {}
