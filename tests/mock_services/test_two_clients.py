"""Many clients at once: everything happens once, nothing is lost, and the record holds every call."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from mock_services.control import WorldClient
from mock_services.juki_cs.wire import ExchangeOrder
from tests.mock_services.portal_support import create, submit
from tests.mock_services.support import DANTAI, Process, link, meta, process, window
from tests.mock_services.test_big_packages import by_address

WORKERS, ROUNDS = 6, 8


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    sections: dict[str, Any] = {
        "portal": {"api_keys": {"site": "key"}},
        "kanri": {},
        "juki_cs": {},
        "fixtures": {"seed": 1, "applications": 0},
    }
    with process(tmp_path_factory.mktemp("crowd"), **sections) as world:
        yield world


def together(work: Callable[[int], Any], count: int = WORKERS) -> list[Any]:
    with ThreadPoolExecutor(count) as crowd:
        return list(crowd.map(work, range(count)))


def test_one_draft_sent_by_many_becomes_one_application(running: Process) -> None:
    with httpx.Client(
        base_url=running.endpoints.systems["portal"], headers={"X-Api-Key": "key"}, trust_env=False
    ) as api:
        for number in range(ROUNDS):
            draft = create(api, key=f"k{number}").json()
            signed = running.client.card_sign(0, draft["signTarget"])
            body = {"signature": signed.signature, "authCertificate": signed.auth_certificate}
            answers = together(partial(send, api, draft["draftId"], body))
            assert sorted(answers) == [200] + [409] * (WORKERS - 1)


def send(api: httpx.Client, draft: str, body: dict[str, str], _worker: int) -> int:
    return submit(api, draft, body).status_code


def test_status_by_hand_while_others_list_and_load(running: Process) -> None:
    base, laid = f"https://{running.endpoints.download_address}", 40
    for number in range(laid):
        running.client.load_application(meta(number), b"PK" * 50)

    def work(worker: int) -> set[str]:
        seen: set[str] = set()
        with by_address(running) as client, WorldClient(running.endpoints.control_url) as control:
            body = {"dantaiCode": DANTAI, "account": "city", "secret": "open sesame"}
            token = client.post(f"{base}/api/v1/login", json=body).json()["accessToken"]
            client.headers["Authorization"] = f"Bearer {token}"
            for number in range(ROUNDS):
                control.load_application(meta(worker * ROUNDS + number), b"PK" * (60 + worker))
                answer = client.get(f"{base}/api/v1/applications", params=window(limit=100)).json()
                rows = [one["receiptNo"] for one in answer["items"] if one["receiptNo"].startswith("R0")]
                assert len(rows) == len(set(rows))
                assert set(rows) >= {f"R{one:04d}" for one in range(laid)}
                seen.add(token)
        return seen

    tokens = together(work)
    assert len(set().union(*tokens)) == WORKERS


def test_the_serial_numbers_of_links_and_files_never_repeat(running: Process) -> None:
    def work(worker: int) -> list[int]:
        found = []
        with WorldClient(running.endpoints.control_url) as control:
            for number in range(ROUNDS):
                found.append(control.put_links([link(f"AB{worker:02d}{number:02d}")]))
                control.cs_exchange(ExchangeOrder(wanted="diff"))
        return found

    numbers = [one for found in together(work) for one in found]
    assert len(numbers) == len(set(numbers))


def test_the_record_holds_every_call_once(running: Process) -> None:
    before = running.client.last_seq()

    def work(worker: int) -> None:
        with httpx.Client(headers={"X-Api-Key": "link-key"}, trust_env=False) as client:
            for number in range(ROUNDS * 3):
                client.get(f"{running.endpoints.link_url}/himozuke/v1/none-{worker}-{number}")

    together(work)
    lines = (running.run_dir / "exchanges.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert [one["seq"] for one in found] == list(range(1, len(found) + 1))
    targets = [one["target"] for one in found[before:]]
    assert sorted(targets) == sorted(
        f"/himozuke/v1/none-{worker}-{number}" for worker in range(WORKERS) for number in range(ROUNDS * 3)
    )
