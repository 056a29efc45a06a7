"""The chain over real sockets: product → relay → download function, disturbances below HTTP, evidence."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from mock_services import control
from mock_services.control import Fault, WorldClient, WorldError
from tests.mock_services.support import DANTAI, START, Process, atena, link, meta, window

BIG = bytes(range(256)) * 1024  # beyond what a log line holds


@pytest.fixture
def product(running: Process, outside: WorldClient) -> Iterator[httpx.Client]:
    """A logged-in client that goes the way a product has to go."""
    context = ssl.create_default_context(cafile=running.endpoints.dl_ca_file)
    with httpx.Client(
        base_url=running.endpoints.download_url, proxy=running.endpoints.relay_url, verify=context, trust_env=False
    ) as client:
        login(client)
        yield client


def login(client: httpx.Client) -> None:
    answer = client.post("/api/v1/login", json={"dantaiCode": DANTAI, "account": "city", "secret": "open sesame"})
    assert answer.status_code == 200
    client.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"


def test_an_application_comes_through_the_relay_unchanged(product: httpx.Client, outside: WorldClient) -> None:
    outside.load_application(meta(1), BIG)
    row = product.get("/api/v1/applications", params=window()).json()["items"][0]
    answer = product.get(f"/api/v1/applications/{row['receiptNo']}/package")
    assert answer.content == BIG
    assert row["sha256"] == answer.headers["X-Content-SHA256"] == hashlib.sha256(BIG).hexdigest()
    assert outside.direct_connections() == []
    assert outside.relay_log()[-1]["verdict"] == "allow"


def test_applications_laid_in_a_few_calls_are_those_that_come_out(
    product: httpx.Client, outside: WorldClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PORTION", 100)
    first = outside.last_seq()
    bodies = {meta(number).receipt_no: bytes([number]) * 60 for number in range(1, 6)}
    outside.load_applications((meta(number), bodies[meta(number).receipt_no]) for number in range(1, 6))
    assert {one: product.get(f"/api/v1/applications/{one}/package").content for one in bodies} == bodies
    assert outside.last_seq() > first


def test_the_relay_lets_nothing_else_through(running: Process, outside: WorldClient) -> None:
    with httpx.Client(proxy=running.endpoints.relay_url, trust_env=False) as client, pytest.raises(httpx.ProxyError):
        client.get("https://other.lgwan.test/")
    assert outside.relay_log()[-1]["verdict"] == "deny"


def test_the_name_of_the_download_function_resolves_nowhere_else(running: Process) -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("dl.shinsei.lgwan.test", 443)


def test_whoever_goes_round_the_relay_is_seen_before_any_tls(running: Process, outside: WorldClient) -> None:
    host, _, port = running.endpoints.download_address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as direct:
        name = "{}:{}".format(*direct.getsockname())
        seen = outside.direct_connections()
    assert seen == [name]
    outside.reset()
    assert outside.direct_connections() == []


def test_truncate_announces_all_and_sends_a_part(product: httpx.Client, outside: WorldClient) -> None:
    outside.load_application(meta(1), BIG)
    outside.set_faults([Fault(name="truncate", operation="get", times=1, params={"bytes": 1000})])
    before = outside.last_seq()
    with pytest.raises(httpx.RemoteProtocolError, match="received 1000 bytes, expected 262144"):
        product.get("/api/v1/applications/R0001/package")
    assert product.get("/api/v1/applications/R0001/package").content == BIG
    cut, whole = outside.exchanges(before)
    assert (cut.status, cut.fault, cut.response_body.size) == (200, "truncate", 1000)
    assert (whole.fault, whole.response_body.sha256) == ("", hashlib.sha256(BIG).hexdigest())


def test_truncate_waits_for_a_body_that_is_long_enough(product: httpx.Client, outside: WorldClient) -> None:
    outside.load_application(meta(1), b"short")
    outside.set_faults([Fault(name="truncate", times=1, params={"bytes": 100})])
    assert product.get("/api/v1/applications/R0001/package").content == b"short"
    assert outside.faults()[0].applied == 0


def test_reset_closes_without_an_answer(product: httpx.Client, outside: WorldClient) -> None:
    outside.set_faults([Fault(name="reset", operation="list", times=1)])
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        product.get("/api/v1/applications", params=window())
    assert product.get("/api/v1/applications", params=window()).status_code == 200
    struck = next(one for one in outside.exchanges(system="download") if one.fault == "reset")
    assert (struck.status, struck.operation, struck.response_body.size) == (0, "list", 0)


def test_latency_and_errors_reach_a_real_client(product: httpx.Client, outside: WorldClient) -> None:
    outside.set_faults([Fault(name="latency", params={"ms": 400}), Fault(name="too-many", params={"retry_after": 3})])
    with pytest.raises(httpx.ReadTimeout):
        product.get("/api/v1/statuses", params=window(), timeout=0.1)
    answer = product.get("/api/v1/statuses", params=window())
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")


def test_a_token_expires_when_the_clock_is_set_forward(product: httpx.Client, outside: WorldClient) -> None:
    outside.set_clock(START + timedelta(minutes=31))
    assert product.get("/api/v1/statuses", params=window()).status_code == 401
    login(product)
    assert product.get("/api/v1/statuses", params=window()).status_code == 200


def test_a_stopped_relay_stops_the_product_and_comes_back_on_its_port(
    running: Process, product: httpx.Client, outside: WorldClient
) -> None:
    outside.relay_stop()
    assert outside.health().relay == "stopped"
    with pytest.raises(httpx.HTTPError):
        product.get("/api/v1/statuses", params=window())
    outside.relay_start()
    assert outside.health().relay == "running"
    assert product.get("/api/v1/statuses", params=window()).status_code == 200
    outside.relay_restart()
    outside.relay_start()
    assert product.get("/api/v1/statuses", params=window()).status_code == 200
    assert outside.endpoints() == running.endpoints


def test_the_recorder_keeps_large_bodies_by_digest(product: httpx.Client, outside: WorldClient) -> None:
    outside.load_application(meta(1), BIG)
    before = outside.last_seq()
    product.get("/api/v1/applications/R0001/package")
    (one,) = outside.exchanges(before, "download")
    assert one.response_body.text is None
    assert outside.body(one.response_body.sha256) == BIG
    assert one.peer.startswith("127.0.30.1:")
    assert dict(one.response_headers)["X-Content-SHA256"] == one.response_body.sha256
    with pytest.raises(WorldError, match="no such body"):
        outside.body("0" * 64)


def test_both_other_systems_answer_over_the_network(running: Process, outside: WorldClient) -> None:
    assert outside.put_links([link("AB12")]) > 0
    outside.put_atena("kaigo", [atena("1")])
    with httpx.Client(trust_env=False) as client:
        key = {"X-Api-Key": "link-key"}
        assert "AB12" in client.get(f"{running.endpoints.link_url}/himozuke/v1/zenken", headers=key).text
        for core, lines in (("kaigo", 2), ("jido_teate", 1)):
            key = {"X-Api-Key": f"{core.split('_')[0]}-key"}
            text = client.get(f"{running.endpoints.atena_urls[core]}/atena/v1/zenken", headers=key).text
            assert len(text.splitlines()) == lines
    assert outside.delete_links(["AB12"]) > 0
