"""Faults in process: what each does to an answer, that it strikes as often as said, and the table itself."""

from __future__ import annotations

import hashlib
import time

import httpx
import pytest

from interface_spec.profile import load_profile
from mock_services.fault_kinds import FAULTS
from mock_services.faults import FaultBox, FaultError, arm, reach_of
from mock_services.models import Fault
from tests.mock_services.support import InProcess, meta, window

DOWNLOAD = reach_of("download", load_profile().surfaces["download"], paged=("list",))
PACKAGE = b"PK" + bytes(range(256)) * 4


def load(inside: InProcess, count: int) -> httpx.Client:
    for number in range(1, count + 1):
        inside.world.load_application(meta(number), PACKAGE)
    return inside.logged_in()


def fault(name: str, operation: str = "*", times: int | None = None, **params: object) -> Fault:
    return Fault(name=name, operation=operation, times=times, params=params)


def page(client: httpx.Client, **more: object) -> tuple[int, list[str]]:
    body = client.get("/api/v1/applications", params=window(**more)).json()
    return body["total"], [row["receiptNo"] for row in body["items"]]


def test_page_limit_makes_smaller_pages(inside: InProcess) -> None:
    client = load(inside, 5)
    inside.world.set_faults([fault("page-limit", n=2)])
    assert page(client) == (5, ["R0001", "R0002"])
    assert page(client, offset=4, limit=100) == (5, ["R0005"])
    assert page(client, limit=1) == (5, ["R0001"])


def test_a_fault_strikes_as_often_as_said_and_is_counted(inside: InProcess) -> None:
    client = load(inside, 1)
    inside.world.set_faults([fault("maintenance", "list", times=2)])
    statuses = [client.get("/api/v1/applications", params=window()).status_code for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert inside.world.fault_states()[0].applied == 2


def test_a_fault_strikes_only_its_operation(inside: InProcess) -> None:
    client = load(inside, 1)
    inside.world.set_faults([fault("maintenance", "get")])
    assert page(client)[0] == 1
    assert client.get("/api/v1/applications/R0001/package").json()["code"] == "DL0503"


def test_too_many_says_when_to_come_back(inside: InProcess) -> None:
    client = load(inside, 1)
    inside.world.set_faults([fault("too-many", "get", times=1, retry_after=7)])
    answer = client.get("/api/v1/applications/R0001/package")
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (429, "DL0429", "7")
    assert client.get("/api/v1/applications/R0001/package").content == PACKAGE


def test_expire_token_ends_every_token_after_some_calls(inside: InProcess) -> None:
    client = load(inside, 1)
    inside.world.set_faults([fault("expire-token", times=2, after_calls=2)])
    codes = []
    for _ in range(3):
        codes += [client.get("/api/v1/applications", params=window()).status_code for _ in range(4)]
        client = inside.logged_in()
    assert codes == [200, 200, 401, 401, 200, 200, 401, 401, 200, 200, 200, 200]
    assert inside.world.fault_states()[0].applied == 2


@pytest.mark.parametrize("change", ["flip", "shorten"])
def test_wrong_digest_alters_the_body_and_keeps_the_digest(inside: InProcess, change: str) -> None:
    client = load(inside, 1)
    inside.world.set_faults([fault("wrong-digest", times=1, change=change)])
    answer = client.get("/api/v1/applications/R0001/package")
    assert answer.headers["X-Content-SHA256"] == hashlib.sha256(PACKAGE).hexdigest()
    assert hashlib.sha256(answer.content).hexdigest() != answer.headers["X-Content-SHA256"]
    assert len(answer.content) == len(PACKAGE) - (change == "shorten")
    assert client.get("/api/v1/applications/R0001/package").content == PACKAGE


def test_an_error_without_json_is_no_json(inside: InProcess) -> None:
    client = load(inside, 1)
    inside.world.set_faults([fault("error-without-json", "list", status=502)])
    answer = client.get("/api/v1/applications", params=window())
    assert answer.status_code == 502
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


def test_latency_delays_the_answer(inside: InProcess) -> None:
    client = load(inside, 1)
    inside.world.set_faults([fault("latency", "list", times=1, ms=120)])
    started = time.monotonic()
    assert page(client)[0] == 1
    assert time.monotonic() - started >= 0.12


def test_a_duplicate_row_loses_nothing_however_it_is_paged(inside: InProcess) -> None:
    client = load(inside, 3)
    inside.world.set_faults([fault("duplicate-rows"), fault("page-limit", n=2)])
    assert page(client) == (4, ["R0001", "R0001"])
    assert page(client, offset=2) == (4, ["R0002", "R0003"])


def test_shift_lets_a_row_appear_in_front_between_two_pages(inside: InProcess) -> None:
    client = load(inside, 4)
    inside.world.set_faults([fault("shift"), fault("page-limit", n=2)])
    assert page(client) == (3, ["R0002", "R0003"])
    assert page(client, offset=2) == (4, ["R0003", "R0004"])
    assert page(client) == (4, ["R0001", "R0002"])
    assert inside.world.fault_states()[0].applied == 1


def test_shift_waits_for_a_list_that_has_a_second_page(inside: InProcess) -> None:
    client = load(inside, 2)
    inside.world.set_faults([fault("shift", receipt_no="R0002")])
    assert page(client) == (2, ["R0001", "R0002"])
    inside.world.set_faults([fault("shift", receipt_no="R0002"), fault("page-limit", n=1), fault("duplicate-rows")])
    assert page(client) == (3, ["R0001"])
    assert inside.world.fault_states()[0].applied == 0


def test_faults_compose(inside: InProcess) -> None:
    client = load(inside, 1)
    inside.world.set_faults(
        [fault("too-many", times=1, retry_after=0), fault("maintenance", times=1), fault("wrong-digest", times=1)]
    )
    answers = [client.get("/api/v1/applications/R0001/package") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 429, 200, 200]
    assert [answer.content == PACKAGE for answer in answers] == [False, False, False, True]
    recorded = inside.world.recorder.exchanges()[-4:]
    assert [one.fault for one in recorded] == ["maintenance", "too-many", "wrong-digest", ""]


def test_clearing_ends_every_fault(inside: InProcess) -> None:
    client = load(inside, 1)
    inside.world.set_faults([fault("maintenance")])
    inside.world.set_faults([])
    assert page(client)[0] == 1


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (fault("page-limits", n=1), "page-limit"),
        (fault("nonsense"), "あるもの"),
        (fault("truncate", "gett", bytes=1), "get"),
        (fault("page-limit", "get", n=1), "list"),
        (fault("page-limit"), "params.n"),
        (fault("page-limit", n=0), "params.n"),
        (fault("tls", variant="wrong_host"), "wrong-host"),
        (fault("tls", "get", variant="expired"), "起こせません"),
        (fault("maintenance", minutes=5), "params.minutes"),
    ],
)
def test_a_wrong_fault_is_one_sentence_and_arms_nothing(inside: InProcess, wrong: Fault, hint: str) -> None:
    inside.world.set_faults([fault("maintenance")])
    with pytest.raises(FaultError, match=hint):
        inside.world.set_faults([fault("reset"), wrong])
    assert [state.fault.name for state in inside.world.fault_states()] == ["maintenance"]


def test_every_fault_has_its_sentences_and_provenance() -> None:
    assert sorted(FAULTS) == [
        "clock-skew", "corrupt-zip", "dns-change", "duplicate-rows", "error-without-json", "expire-token", "file-out-of-sequence", "file-partial",
        "file-resend", "file-vanished", "file-wrong-encoding", "file-wrong-totals", "jitter",
        "latency", "maintenance", "missing-rows", "page-limit", "proxy-down", "redirect", "reset", "reset-mid-body",
        "shift", "slow-drip", "timeout", "tls", "too-many", "truncate", "unauthorised", "unavailable", "unexpected", "wrong-digest", "wrong-length",
    ]  # fmt: skip
    for name, kind in FAULTS.items():
        assert kind.name == name
        assert kind.ja.endswith("。")
        assert kind.en.endswith(".")
        assert kind.provenance == "仮定"


def test_an_armed_fault_is_looked_at_without_being_used_up() -> None:
    box = FaultBox(DOWNLOAD)
    box.set([fault("reset", "get", times=1)])
    assert box.peek("reset", "list") is None
    assert box.peek("reset", "get") is not None
    struck: list[str] = []
    assert box.take("reset", "get", struck) is not None
    assert (box.take("reset", "get", struck), struck) == (None, ["reset"])


def test_shift_is_never_endless() -> None:
    assert arm(fault("shift"), DOWNLOAD).fault.times == 1
