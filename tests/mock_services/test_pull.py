"""基幹 as a client: takes over what is listed, says what came and where the profile was broken."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mock_services.core import client
from mock_services.models import Answer, PullPlan, PullResult
from tests.mock_services.fake_product import FakeProduct, fake_product
from tests.mock_services.support import InProcess, in_process

LIST = "GET /renkei/v1/applications?coreSystem=kaigo"
ONE = "/renkei/v1/applications/R%2F1"
PHOTO = b"\x89PNG\x00"


def row(receipt_no: str = "R/1") -> dict[str, Any]:
    return {"receiptNo": receipt_no, "procedureId": "K01", "completedAt": "2026-10-10T12:00:00+0900"}


def application(**changes: Any) -> dict[str, Any]:
    return {
        "receiptNo": "R/1",
        "procedureId": "K01",
        "receivedAt": "2026-10-09T23:50:00+0900",
        "arrivedAt": "2026-10-09T23:55:00+0900",
        "importedAt": "2026-10-10T08:00:00+09:00",
        "completedAt": "2026-10-10T12:00:00+0900",
        "signerAtenaNo": "000000000000007",
        "signerMethod": "1",
        "items": [{"id": "remarks", "label": "備考", "group": None, "occurrence": 1, "value": " 𠮷\n"}],
    } | changes


@pytest.fixture
def product() -> Iterator[FakeProduct]:
    with fake_product() as product:
        product.json(LIST, {"total": 1, "items": [row()]})
        product.json(f"GET {ONE}", application())
        attachment = {
            "seq": 1,
            "label": "写し",
            "fileName": "a.png",
            "size": 5,
            "sha256": hashlib.sha256(PHOTO).hexdigest(),
        }
        product.json(f"GET {ONE}/attachments", {"items": [attachment]})
        product.data(f"GET {ONE}/attachments/1", PHOTO)
        product.json(f"POST {ONE}/ack", {"state": "2"})
        yield product


def pull(inside: InProcess, product: FakeProduct, **changes: Any) -> PullResult:
    plan = PullPlan.model_validate({"base_url": product.url, "api_key": "core-key"} | changes)
    return asyncio.run(inside.world.pull("kaigo", plan))


def test_a_whole_run_in_order(inside: InProcess, product: FakeProduct) -> None:
    result = pull(inside, product)
    assert [line for line, _, _ in product.calls] == [
        LIST,
        f"GET {ONE}",
        f"GET {ONE}/attachments",
        f"GET {ONE}/attachments/1",
        f"POST {ONE}/ack",
    ]
    assert {key for _, key, _ in product.calls} == {"core-key"}
    assert product.calls[-1][2] == b'{"result": "1"}'
    assert (result.status, result.listed, result.acks, result.ack_states) == (200, ["R/1"], [("R/1", 200)], {"R/1": "delivered"})  # fmt: skip
    assert result.problems == []


def test_what_came_is_told_in_canonical_names(inside: InProcess, product: FakeProduct) -> None:
    (one,) = pull(inside, product).received
    assert one.problems == []
    assert one.fields["received_at"] == "2026-10-09T23:50:00+09:00"
    assert (one.fields["signer_atena_no"], one.fields["signer_method"]) == ("000000000000007", "serial")
    assert one.fields["subject_atena_no"] is None
    assert one.items == [{"item_id": "remarks", "label": "備考", "group": None, "occurrence": 1, "value": " 𠮷\n"}]
    assert one.attachments[0]["real_sha256"] == one.attachments[0]["sha256"]
    assert (one.attachments[0]["real_size"], one.attachments[0]["status"]) == (5, 200)
    assert '"signerAtenaNo": "000000000000007"' in one.raw_json


def test_the_core_system_answers_as_told(inside: InProcess, product: FakeProduct) -> None:
    error = Answer(result="error", item="account_no", reason="口座が違います")
    pull(inside, product, answers={"R/1": error})
    assert b'"result": "2"' in product.calls[-1][2]
    assert "口座が違います" in product.calls[-1][2].decode()
    silent = pull(inside, product, default=Answer(result="none"))
    assert (silent.acks, len(silent.received)) == ([], 1)
    assert pull(inside, product, only=[]).received == []


def test_an_unlisted_application_can_be_asked_for(inside: InProcess, product: FakeProduct) -> None:
    result = pull(inside, product, only=[], unlisted=["R2"])
    assert [(one.receipt_no, one.status) for one in result.received] == [("R2", 404)]
    assert result.acks == []


def test_a_filter_by_procedure_goes_on_the_wire(inside: InProcess, product: FakeProduct) -> None:
    product.json(f"{LIST}&procedureId=K01", {"total": 0, "items": []})
    assert pull(inside, product, procedure_id="K01").listed == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"extra": 1}, "extra: 知らない項目"),
        ({"signerMethod": "7"}, "signerMethod: コード表"),
        ({"receivedAt": "2026/10/09"}, "receivedAt: 形式"),
        ({"arrivedAt": None}, "arrivedAt: 必須"),
        ({"receiptNo": "R2"}, "another receipt number"),
        ({"items": [{"id": "x"}]}, "items[1].label: 必須"),
        ({"items": [{"id": "x", "label": "l", "occurrence": "1"}]}, "items[1].occurrence"),
        ({"items": {}}, "items: 配列"),
        ({"items": [7]}, "items[1]: オブジェクト"),
    ],
)
def test_a_breach_of_the_profile_is_named(
    inside: InProcess, product: FakeProduct, changes: dict[str, Any], problem: str
) -> None:
    product.json(f"GET {ONE}", application(**changes))
    (one,) = pull(inside, product).received
    assert any(problem in found for found in one.problems), one.problems


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"\xff"])
def test_an_answer_that_is_no_json_object_is_named(inside: InProcess, product: FakeProduct, body: bytes) -> None:
    product.data(f"GET {ONE}", body)
    (one,) = pull(inside, product).received
    assert any("JSON" in found for found in one.problems)


def test_an_altered_attachment_is_named(inside: InProcess, product: FakeProduct) -> None:
    product.data(f"GET {ONE}/attachments/1", PHOTO + b"!")
    (one,) = pull(inside, product).received
    assert one.problems == ["attachment 1: 一覧の大きさかダイジェストと違います / differs from the list"]
    assert one.attachments[0]["real_size"] == 6


def test_a_wrong_list_is_named(inside: InProcess, product: FakeProduct) -> None:
    product.json(LIST, {"total": 3, "items": [row(), row()]})
    result = pull(inside, product)
    assert len(result.received) == 1
    assert [problem.partition(" ")[0] for problem in result.problems] == ["一覧に同じ受付番号が二度あります", "件数"]


@pytest.mark.parametrize("status", [401, 500, 204])
def test_another_status_is_named_and_ends_the_run(inside: InProcess, product: FakeProduct, status: int) -> None:
    product.answers[LIST] = (status, {}, b"")
    result = pull(inside, product)
    assert (result.status, result.received) == (status, [])
    assert f"status {status}" in result.problems[0]


def test_a_refused_ack_is_told(inside: InProcess, product: FakeProduct) -> None:
    product.json(f"POST {ONE}/ack", {"code": "SK0409", "message": "x"}, status=409)
    result = pull(inside, product)
    assert result.acks == [("R/1", 409)]
    assert "ack R/1: ack: status 409" in result.problems[0]


def test_every_call_is_recorded_on_the_core_systems_side(inside: InProcess, product: FakeProduct) -> None:
    pull(inside, product)
    found = inside.world.recorder.exchanges(system="pull:kaigo")
    assert [one.operation for one in found] == ["list", "fetch", "attachments", "attachment", "ack"]
    assert {one.peer for one in found} == {product.url}


def test_an_overlay_moves_the_hand_over_too(tmp_path: Path, product: FakeProduct) -> None:
    overlay = tmp_path / "overlay.toml"
    overlay.write_text(
        """
[surfaces.handover]
auth_header = "Authorization"
file = { encoding = "cp932" }
[surfaces.handover.operations.list]
method = "POST"
path = "/v2/{SYSTEM}/list"
body = "csv"
request.core_system = { wire = "SYSTEM", place = "path" }
request.procedure_id = { wire = "PROC", place = "body" }
response.total = { wire = "X-Total", place = "header" }
row.completed_at = { wire = "審査完了", format = "%Y%m%d%H%M", zone = "UTC" }
[surfaces.handover.operations.fetch]
path = "/v2/one"
rows = "KOUMOKU"
request.receipt_no = { wire = "no", place = "query" }
[surfaces.handover.operations.ack]
method = "PUT"
body = "none"
status = 204
response.state = { wire = "X-State", place = "header" }
""",
        encoding="utf-8",
    )
    lines = "receiptNo,procedureId,審査完了\r\nR/1,K01,202610100300\r\n".encode("cp932")
    product.answers["POST /v2/kaigo/list"] = (200, {"X-Total": "1"}, lines)
    content = application()
    content["KOUMOKU"] = content.pop("items")
    product.json("GET /v2/one?no=R%2F1", content)
    product.answers[f"PUT {ONE}/ack"] = (204, {"X-State": "2"}, b"")
    world = in_process(tmp_path, overlay=overlay)
    result = pull(world, product, procedure_id="K01")
    world.world.recorder.close()
    assert (result.problems, result.received[0].problems) == ([], [])
    assert result.rows[0]["completed_at"] == "2026-10-10T03:00:00+00:00"
    assert result.ack_states == {"R/1": "delivered"}
    assert product.calls[0][2] == b'{"PROC": "K01"}'


class TestBounds:
    """A product that never comes to an end, or answers without end, costs a visit its bounds and nothing more."""

    def test_an_endless_answer_is_cut(
        self, inside: InProcess, product: FakeProduct, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client, "LARGEST_ANSWER", 1000)
        product.data(f"GET {ONE}/attachments/1", b"x" * 100_000)
        (received,) = pull(inside, product).received
        assert [one["status"] for one in received.attachments] == [0]
        assert any("1000 バイトを超える" in problem for problem in received.problems)

    def test_a_bomb_is_cut(self, inside: InProcess, product: FakeProduct, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "LARGEST_ANSWER", 1_000_000)
        bomb = gzip.compress(b"\0" * 50_000_000)
        product.answers[LIST] = (200, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, bomb)
        result = pull(inside, product)
        assert result.status == 0
        assert "1000000 バイトを超える" in result.problems[0]

    def test_a_silent_product_is_asked_no_more_when_the_visits_time_is_over(
        self, inside: InProcess, product: FakeProduct
    ) -> None:
        rows = [row(f"R{number}") for number in range(300)]
        product.json(LIST, {"total": 300, "items": rows})
        product.wait = 0.3
        result = pull(inside, product, timeout_seconds=0.1, whole_seconds=0.6)
        assert (result.status, len(result.received)) == (200, 300)
        assert {one.status for one in result.received} == {0}
        assert "TimeoutError" in result.received[-1].problems[0]
        assert len(product.calls) < 30

    def test_only_so_many_are_taken(
        self, inside: InProcess, product: FakeProduct, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client, "MOST_TAKEN", 2)
        product.json(LIST, {"total": 5, "items": [row(f"R{number}") for number in range(5)]})
        result = pull(inside, product)
        assert (len(result.listed), len(result.received)) == (5, 2)

    def test_a_list_is_no_attachment(
        self, inside: InProcess, product: FakeProduct, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client, "LARGEST_TABLE", 1000)
        product.data(f"GET {ONE}/attachments/1", b"x" * 5000)
        (received,) = pull(inside, product).received
        assert [one["real_size"] for one in received.attachments] == [5000]
        product.json(LIST, {"total": 1, "items": [row("R1")], "filler": "x" * 2000})
        assert "1000 バイトを超える" in pull(inside, product).problems[0]

    def test_what_a_visit_holds_is_bounded(
        self, inside: InProcess, product: FakeProduct, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client, "MOST_FETCHED", 10)
        product.json(LIST, {"total": 5, "items": [row("R/1"), *(row(f"R{number}") for number in range(4))]})
        result = pull(inside, product)
        assert [one.receipt_no for one in result.received] == ["R/1"]
        assert "残りは取得しません" in result.problems[-1]
