"""Faults of one application only, and faults that begin when others have been delivered (over the network where TLS matters)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from mock_services.control import Fault, WorldClient, WorldError
from mock_services.faults import FaultError
from tests.mock_services.support import DANTAI, InProcess, Process, meta, window

PACKAGE = b"PK not really" * 40


def fetched(client: httpx.Client, number: int) -> int:
    return client.get(f"/api/v1/applications/R{number:04}/package").status_code


def load(inside: InProcess, count: int) -> httpx.Client:
    for number in range(1, count + 1):
        inside.world.load_application(meta(number), PACKAGE)
    return inside.logged_in()


def test_a_fault_of_one_application_leaves_the_others_alone(inside: InProcess) -> None:
    client = load(inside, 3)
    inside.world.set_faults([Fault(name="too-many", times=1, receipts=["R0002"])])
    assert client.get("/api/v1/applications", params=window()).status_code == 200
    assert [fetched(client, one) for one in (1, 2, 3, 2)] == [200, 429, 200, 200]
    assert inside.world.fault_states()[0].applied == 1


def test_two_faults_of_one_kind_strike_each_its_own(inside: InProcess) -> None:
    client = load(inside, 3)
    inside.world.set_faults(
        [Fault(name="too-many", times=1, receipts=[one]) for one in ("R0003", "R0001")],
    )
    assert [fetched(client, one) for one in (1, 2, 3, 1, 3)] == [429, 200, 429, 200, 200]
    assert [state.applied for state in inside.world.fault_states()] == [1, 1]


def test_a_fault_begins_when_the_others_are_delivered(inside: InProcess) -> None:
    client = load(inside, 3)
    inside.world.set_faults([Fault(name="maintenance", after=["R0001", "R0002"])])
    assert [fetched(client, one) for one in (3, 1)] == [200, 200]
    state = inside.world.fault_states()[0]
    assert (state.began_seq, state.began_at, state.applied) == (None, None, 0)
    before = datetime.now(UTC)
    assert [fetched(client, one) for one in (2, 3, 1)] == [200, 503, 503]
    state = inside.world.fault_states()[0]
    assert state.applied == 2
    assert state.began_seq == inside.world.recorder.newest - 2
    assert state.began_at is not None
    assert before <= state.began_at <= datetime.now(UTC)


def test_what_was_spoilt_was_not_delivered(inside: InProcess) -> None:
    client = load(inside, 2)
    inside.world.set_faults(
        [Fault(name="wrong-digest", times=1, receipts=["R0001"]), Fault(name="maintenance", after=["R0001"])]
    )
    assert [fetched(client, one) for one in (1, 2, 1, 2)] == [200, 200, 200, 503]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(name="latency", system="juki", after=["R0001"], params={"ms": 1}), "download の呼出し"),
        (Fault(name="proxy-down", after=["R0001"]), "download の呼出し"),
        (Fault(name="tls", receipts=["R0001"], params={"variant": "expired"}), "receipts は指定できません"),
        (Fault(name="expire-token", receipts=["R0001"], params={"after_calls": 1}), "receipts は指定できません"),
    ],
)
def test_where_it_cannot_be_said_it_is_refused(inside: InProcess, fault: Fault, words: str) -> None:
    with pytest.raises(FaultError, match=words):
        inside.world.set_faults([fault])
    assert inside.world.fault_states() == []


@pytest.fixture
def product(running: Process, outside: WorldClient) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=running.endpoints.dl_ca_file)
    with httpx.Client(
        base_url=running.endpoints.download_url,
        proxy=running.endpoints.relay_url,
        verify=context,
        trust_env=False,
        limits=httpx.Limits(max_keepalive_connections=0),
    ) as client:
        for number in (1, 2, 3):
            outside.load_application(meta(number), PACKAGE)
        answer = client.post("/api/v1/login", json={"dantaiCode": DANTAI, "account": "city", "secret": "open sesame"})
        client.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"
        yield client


def test_the_certificate_changes_when_the_rest_is_delivered(product: httpx.Client, outside: WorldClient) -> None:
    outside.set_faults([Fault(name="tls", after=["R0001", "R0002"], params={"variant": "expired"})])
    assert [fetched(product, one) for one in (1, 2)] == [200, 200]
    newest = outside.last_seq()
    with pytest.raises(httpx.ConnectError, match="expired"):
        fetched(product, 3)
    state = outside.faults()[0]
    assert (state.began_seq, state.applied) == (newest, 1)
    assert outside.last_seq() == newest
    outside.clear_faults()
    assert fetched(product, 3) == 200


def test_a_wrong_word_is_refused_over_the_network(outside: WorldClient) -> None:
    with pytest.raises(WorldError, match="receipts は指定できません"):
        outside.set_faults([Fault(name="tls", receipts=["R0001"], params={"variant": "expired"})])
