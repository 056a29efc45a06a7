"""ダウンロード機能 in process: the contract of the baseline profile, and what it refuses."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest

from tests.mock_services.support import DANTAI, OTHER_DANTAI, START, TIME, InProcess, meta, window

LOGIN = {"dantaiCode": DANTAI, "account": "city", "secret": "open sesame"}


def load(inside: InProcess, *numbers: int) -> None:
    for number in numbers:
        inside.world.load_application(meta(number), f"ZIP {number}".encode())


def listed(client: httpx.Client, **more: object) -> list[str]:
    answer = client.get("/api/v1/applications", params=window(**more))
    assert answer.status_code == 200
    return [row["receiptNo"] for row in answer.json()["items"]]


def code(answer: object) -> tuple[int, str]:
    assert hasattr(answer, "status_code")
    assert hasattr(answer, "json")
    return answer.status_code, answer.json()["code"]


def test_login_gives_a_token_with_the_lifetime_of_the_profile(inside: InProcess) -> None:
    answer = inside.download().post("/api/v1/login", json=LOGIN)
    assert answer.status_code == 200
    assert answer.json()["expiresIn"] == inside.world.profile.limit("token_lifetime")
    assert len(answer.json()["accessToken"]) >= 32


def test_every_login_gives_another_token(inside: InProcess) -> None:
    client = inside.download()
    tokens = {client.post("/api/v1/login", json=LOGIN).json()["accessToken"] for _ in range(3)}
    inside.world.reset()
    tokens.add(client.post("/api/v1/login", json=LOGIN).json()["accessToken"])
    assert len(tokens) == 4


@pytest.mark.parametrize(
    "change",
    [{"secret": "wrong"}, {"account": "nobody"}, {"dantaiCode": OTHER_DANTAI}, {"account": "town", "secret": "other"}],
)
def test_wrong_credentials_are_refused_alike(inside: InProcess, change: dict[str, str]) -> None:
    assert code(inside.download().post("/api/v1/login", json=LOGIN | change)) == (401, "DL0401")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'"x"', b'{"dantaiCode":"1"}', b"\xff\xfe", b'{"account":"a","account":"b"}', b"[" * 100_000],
)
def test_a_login_that_is_no_login_is_a_bad_request(inside: InProcess, body: bytes) -> None:
    assert code(inside.download().post("/api/v1/login", content=body)) == (400, "DL0400")


@pytest.mark.parametrize("change", [{"extra": 1}, {"secret": 7}, {"secret": None}, {"dantaiCode": "9999970"}])
def test_a_login_with_other_items_is_a_bad_request(inside: InProcess, change: dict[str, object]) -> None:
    assert code(inside.download().post("/api/v1/login", json=LOGIN | change)) == (400, "DL0400")


def test_a_body_beyond_every_measure_is_refused(inside: InProcess) -> None:
    assert code(inside.download().post("/api/v1/login", content=b" " * 2_000_000)) == (400, "DL0400")


@pytest.mark.parametrize("header", [None, "", "Bearer ", "Bearer wrong", "Basic abc"])
@pytest.mark.parametrize("path", ["/api/v1/applications", "/api/v1/applications/R0001/package", "/api/v1/statuses"])
def test_nothing_is_shown_without_a_good_token(inside: InProcess, header: str | None, path: str) -> None:
    load(inside, 1)
    headers = {} if header is None else {"Authorization": header}
    assert code(inside.download().get(path, params=window(), headers=headers)) == (401, "DL0402")


def test_a_token_expires_by_the_clock_of_the_world(inside: InProcess) -> None:
    client = inside.logged_in()
    inside.world.set_clock(START + timedelta(seconds=1799))
    assert client.get("/api/v1/applications", params=window()).status_code == 200
    inside.world.set_clock(START + timedelta(seconds=1800))
    assert code(client.get("/api/v1/applications", params=window())) == (401, "DL0402")


def test_a_list_row_says_what_the_application_is(inside: InProcess) -> None:
    load(inside, 1)
    body = inside.logged_in().get("/api/v1/applications", params=window()).json()
    assert body == {
        "total": 1,
        "items": [
            {
                "receiptNo": "R0001",
                "procedureId": "K01",
                "dantaiCode": DANTAI,
                "receivedAt": "2026-10-10T03:01:00+0900",
                "arrivedAt": "2026-10-10T03:01:30+0900",
                "size": 5,
                "sha256": hashlib.sha256(b"ZIP 1").hexdigest(),
            }
        ],
    }


def test_the_window_includes_both_ends(inside: InProcess) -> None:
    load(inside, 1, 2, 3, 4)
    client = inside.logged_in()
    ends = {"receivedFrom": meta(2).received_at.strftime(TIME), "receivedTo": meta(3).received_at.strftime(TIME)}
    answer = client.get("/api/v1/applications", params=ends).json()
    assert [row["receiptNo"] for row in answer["items"]] == ["R0002", "R0003"]


def test_the_list_is_ordered_by_receipt_time_then_number(inside: InProcess) -> None:
    load(inside, 3, 1)
    inside.world.load_application(meta(2, receipt_no="A0002", received_at=meta(3).received_at), b"Z")
    assert listed(inside.logged_in()) == ["R0001", "A0002", "R0003"]


def test_pages_are_capped_and_cover_everything_once(inside: InProcess) -> None:
    numbers = list(range(1, 251))
    load(inside, *numbers)
    client = inside.logged_in()
    first = listed(client, limit=500)
    assert len(first) == 100
    assert len(listed(client)) == 100
    assert len(listed(client, limit=7, offset=3)) == 7
    everything = [one for offset in range(0, 300, 100) for one in listed(client, offset=offset)]
    assert everything == [f"R{number:04d}" for number in numbers]
    assert listed(client, offset=250) == []


def test_the_list_is_filtered_by_procedure(inside: InProcess) -> None:
    load(inside, 1)
    inside.world.load_application(meta(2, procedure_id="C01"), b"Z")
    client = inside.logged_in()
    assert listed(client, procedureId="C01") == ["R0002"]
    assert listed(client, procedureId="X99") == []


@pytest.mark.parametrize(
    "more",
    [
        {"limit": 0},
        {"limit": -1},
        {"offset": -1},
        {"limit": "ten"},
        {"limit": "1.5"},
        {"unknown": 1},
        {"receivedFrom": "2026-10-10"},
        {"receivedFrom": "2026-10-11T00:00:00+0900"},
        {"receivedTo": ""},
        {"procedureId": "K" * 17},
    ],
)
def test_a_list_call_outside_the_contract_is_a_bad_request(inside: InProcess, more: dict[str, object]) -> None:
    query = window() | {name: str(value) for name, value in more.items()}
    assert code(inside.logged_in().get("/api/v1/applications", params=query)) == (400, "DL0400")


def test_a_missing_or_doubled_item_is_a_bad_request(inside: InProcess) -> None:
    client = inside.logged_in()
    query = window()
    assert code(client.get("/api/v1/applications", params={"receivedFrom": query["receivedFrom"]})) == (400, "DL0400")
    doubled = urlencode([*query.items(), *query.items()])
    assert code(client.get(f"/api/v1/applications?{doubled}")) == (400, "DL0400")


def test_a_body_where_none_belongs_is_a_bad_request(inside: InProcess) -> None:
    answer = inside.logged_in().request("GET", "/api/v1/applications", params=window(), content=b'{"name":"leak"}')
    assert code(answer) == (400, "DL0400")


def test_a_package_comes_with_its_digest_and_length_as_often_as_asked(inside: InProcess) -> None:
    load(inside, 1)
    client = inside.logged_in()
    for _ in range(2):
        answer = client.get("/api/v1/applications/R0001/package")
        assert answer.status_code == 200
        assert answer.content == b"ZIP 1"
        assert answer.headers["X-Content-SHA256"] == hashlib.sha256(b"ZIP 1").hexdigest()
        assert answer.headers["Content-Length"] == "5"
        assert answer.headers["Content-Type"] == "application/zip"


def test_another_municipality_is_neither_listed_nor_given(inside: InProcess) -> None:
    inside.world.load_application(meta(1, dantai_code=OTHER_DANTAI), b"Z")
    client = inside.logged_in()
    assert listed(client) == []
    assert code(client.get("/api/v1/applications/R0001/package")) == (403, "DL0403")


def test_an_application_is_invisible_before_its_time(inside: InProcess) -> None:
    inside.world.load_application(meta(1, visible_at=START + timedelta(minutes=5)), b"Z")
    client = inside.logged_in()
    assert listed(client) == []
    assert code(client.get("/api/v1/applications/R0001/package")) == (404, "DL0404")
    inside.world.set_clock(START + timedelta(minutes=5))
    assert listed(client) == ["R0001"]


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/applications/", "/api/v2/applications", "/api/v1/applications/R%2F1/package", "/api/v1//statuses"]
)  # fmt: skip
def test_an_unknown_path_or_number_is_not_found(inside: InProcess, path: str) -> None:
    assert code(inside.logged_in().get(path)) == (404, "DL0404")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/applications"),
        ("PUT", "/api/v1/applications/R0001/package"),
        ("DELETE", "/api/v1/applications/R0001/package"),
        ("POST", "/api/v1/statuses"),
        ("GET", "/api/v1/login"),
    ],
)
def test_another_method_is_refused_and_changes_nothing(inside: InProcess, method: str, path: str) -> None:
    load(inside, 1)
    client = inside.logged_in()
    before = client.get("/api/v1/statuses", params=window()).json()
    assert code(client.request(method, path, params=window())) == (400, "DL0400")
    assert client.get("/api/v1/statuses", params=window()).json() == before
    assert listed(client) == ["R0001"]


def test_statuses_are_what_the_resident_sees(inside: InProcess) -> None:
    load(inside, 1)
    inside.world.load_application(meta(2, resident_status="completed"), b"Z")
    answer = inside.logged_in().get("/api/v1/statuses", params=window())
    assert answer.json() == {
        "total": 2,
        "items": [{"receiptNo": "R0001", "status": "10"}, {"receiptNo": "R0002", "status": "30"}],
    }


def test_loading_the_same_number_again_replaces(inside: InProcess) -> None:
    load(inside, 1)
    inside.world.load_application(meta(1), b"new bytes")
    client = inside.logged_in()
    assert listed(client) == ["R0001"]
    assert client.get("/api/v1/applications/R0001/package").content == b"new bytes"


def test_every_call_is_recorded_with_its_operation(inside: InProcess) -> None:
    load(inside, 1)
    client = inside.logged_in()
    client.get("/api/v1/applications", params=window())
    client.get("/nowhere")
    found = inside.world.recorder.exchanges()
    assert [(one.seq, one.system, one.operation, one.status) for one in found] == [
        (1, "download", "login", 200),
        (2, "download", "list", 200),
        (3, "download", "", 404),
    ]
    assert found[1].target == "/api/v1/applications?" + urlencode(window())
    assert "open sesame" in (found[0].request_body.text or "")


def test_a_revoked_token_works_no_more(inside: InProcess) -> None:
    client = inside.logged_in()
    assert client.get("/api/v1/applications", params=window()).status_code == 200
    assert inside.world.applications.revoke_all() == 1
    assert client.get("/api/v1/applications", params=window()).json()["code"] == "DL0402"
    assert inside.logged_in().get("/api/v1/applications", params=window()).status_code == 200
