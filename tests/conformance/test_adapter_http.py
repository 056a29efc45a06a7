"""The HTTP adapter against products that misbehave: typed troubles, never a hang, never an untyped exception."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from conformance.adapters import http
from conformance.adapters.base import AdapterProblem, ProductUnreachable
from conformance.adapters.http import HttpAdapter
from conformance.engine.secrets import BLOT, Redactor
from conformance.engine.tape import AdapterTape
from interface_spec.control import Review, ReviewChange
from tests.conformance.scripted import Reply, Script, scripted

TOKEN = "control-token-0001"
HEALTH = {"status": "ok", "product": "x", "version": "1", "now": "2026-01-15T00:00:00+09:00"}
ROW = {
    "receipt_no": "R1", "procedure_id": "K01", "ingestion": "stored", "review": "unreviewed", "handover": "none",
    "received_at": "2026-01-14T09:00:00+09:00", "arrived_at": "2026-01-14T09:03:00+09:00",
    "imported_at": "2026-01-15T00:00:00+09:00", "version": 1,
}  # fmt: skip


def as_reply(data: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(data).encode(), {"Content-Type": "application/json"})


@contextmanager
def adapter(
    script: Script, *, call_timeout: float = 2, job_timeout: float = 1
) -> Iterator[tuple[HttpAdapter, AdapterTape]]:
    tape = AdapterTape(Redactor([TOKEN]))
    with scripted(script) as url:
        client = HttpAdapter(url, TOKEN, tape.take, call_timeout=call_timeout, job_timeout=job_timeout)
        try:
            yield client, tape
        finally:
            client.close()


def always(reply: Reply) -> Script:
    return lambda _method, _path: reply


def test_a_good_answer_is_read_and_recorded_without_the_token() -> None:
    with adapter(always(as_reply(HEALTH))) as (product, tape):
        assert product.health().product == "x"
    (one,) = tape.exchanges
    assert (one.seq, one.system, one.method, one.status) == (-1, "product", "GET", 200)
    assert TOKEN not in one.model_dump_json()
    assert BLOT in one.request_headers["authorization"]


CALLS: list[Callable[[HttpAdapter], object]] = [
    HttpAdapter.health,
    HttpAdapter.sync,
    HttpAdapter.import_now,
    HttpAdapter.applications,
    lambda product: product.application("R1"),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("reply", [
    as_reply({"code": "E1", "message": "壊れた"}, 500),
    Reply(500, b"<html>stack trace</html>"),
    Reply(200, b"not json"),
    Reply(200, b"\xff\xfe"),
    Reply(200, b""),
    Reply(204, b""),
    Reply(200, b"[]"),
    as_reply({"surprise": 1}),
    Reply(200, b'{"status": "\\ud800"}'),
    Reply(302, b"", {"Location": "http://127.0.0.1:9/"}),
    Reply(301, b"", {"Location": "/"}),
    Reply(200, b"no gzip at all", {"Content-Encoding": "gzip"}),
    Reply(200, b"[" * 100_000),
])  # fmt: skip
def test_an_answer_out_of_contract_is_an_adapter_problem(call: Callable[[HttpAdapter], object], reply: Reply) -> None:
    with adapter(always(reply)) as (product, _), pytest.raises(AdapterProblem) as caught:
        call(product)
    assert "/control/v1/" in caught.value.ja
    assert "/control/v1/" in caught.value.en
    assert len(str(caught.value)) < 2000


def test_redirects_are_not_followed() -> None:
    asked: list[str] = []

    def script(_method: str, path: str) -> Reply:
        asked.append(path)
        return Reply(307, b"", {"Location": "/elsewhere"})

    with adapter(script) as (product, _), pytest.raises(AdapterProblem, match="307"):
        product.health()
    assert asked == ["/control/v1/health"]


@pytest.mark.parametrize("reply", [Reply(drop=True), Reply(200, b"short", declared=1000)])
def test_a_broken_connection_is_unreachable(reply: Reply) -> None:
    with adapter(always(reply)) as (product, _), pytest.raises(ProductUnreachable) as caught:
        product.health()
    assert "127.0.0.1" in caught.value.ja
    assert "no answer" in caught.value.en


def test_nobody_listens() -> None:
    tape = AdapterTape(Redactor([]))
    product = HttpAdapter("http://127.0.0.1:9", TOKEN, tape.take, call_timeout=1, job_timeout=1)
    with pytest.raises(ProductUnreachable, match=r"127\.0\.0\.1:9"):
        product.health()
    product.close()
    assert tape.exchanges == []


def test_a_slow_product_is_not_waited_for_for_ever() -> None:
    def script(_method: str, _path: str) -> Reply:
        time.sleep(0.8)
        return as_reply(HEALTH)

    started = time.monotonic()
    with adapter(script, call_timeout=0.2) as (product, _), pytest.raises(ProductUnreachable, match="ReadTimeout"):
        product.health()
    assert time.monotonic() - started < 3


def test_a_job_that_never_ends() -> None:
    job = {"job_id": "j1", "kind": "import", "state": "running"}
    with (
        adapter(always(as_reply(job)), job_timeout=0.2) as (product, _),
        pytest.raises(AdapterProblem, match=r"0\.2 秒待っても"),
    ):
        product.import_now()


def test_a_job_is_waited_for() -> None:
    states = iter(["running", "running", "done"])

    def script(_method: str, _path: str) -> Reply:
        return as_reply({"job_id": "j1", "kind": "sync", "state": next(states), "message": "済"})

    with adapter(script) as (product, _):
        assert product.sync().message == "済"


def test_pages_are_read_to_the_total() -> None:
    asked: list[str] = []

    def script(_method: str, path: str) -> Reply:
        asked.append(path)
        offset = int(path.partition("offset=")[2].partition("&")[0])
        return as_reply({"total": 3, "items": [ROW | {"receipt_no": f"R{offset}"}]})

    with adapter(script) as (product, _):
        assert [one.receipt_no for one in product.applications()] == ["R0", "R1", "R2"]
    assert len(asked) == 3


def test_a_total_that_is_never_reached_ends_at_an_empty_page() -> None:
    def script(_method: str, path: str) -> Reply:
        return as_reply({"total": 10**9, "items": [ROW] if "offset=0" in path else []})

    with adapter(script) as (product, _):
        assert len(product.applications()) == 1


def test_paging_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_APPLICATIONS", 7)
    with (
        adapter(always(as_reply({"total": 10**9, "items": [ROW, ROW]}))) as (product, tape),
        pytest.raises(AdapterProblem, match="7 件を超えました"),
    ):
        product.applications()
    assert len(tape.exchanges) == 4


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_huge_answer_is_cut(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 100_000)
    huge = b"0" * 5_000_000
    body = gzip.compress(huge) if encoding else huge
    headers = {"Content-Encoding": encoding} if encoding else {}
    with (
        adapter(always(Reply(200, body, headers))) as (product, _),
        pytest.raises(AdapterProblem, match="100000 バイト"),
    ):
        product.health()


def test_large_and_binary_bodies_are_recorded_by_digest() -> None:
    with adapter(always(Reply(200, b"\x00\xff" * 20_000))) as (product, tape):
        assert product.attachment("R1", 1) == (200, b"\x00\xff" * 20_000)
    assert "40000 bytes, SHA-256" in tape.exchanges[0].response_body


def test_what_is_not_there_is_none_and_a_refused_change_says_so() -> None:
    def script(method: str, _path: str) -> Reply:
        return as_reply({"code": "conflict", "message": "進めません"}, 409) if method == "POST" else Reply(404)

    with adapter(script) as (product, _):
        assert product.application("R1") is None
        changed = product.review("R1", ReviewChange(to=Review.COMPLETED))
    assert (changed.status, changed.message, changed.detail) == (409, "conflict 進めません", None)
    assert changed.exchange == -2


@pytest.mark.parametrize("status", [301, 400, 500, 503])
def test_a_refusal_of_any_kind_is_no_success(status: int) -> None:
    with adapter(always(Reply(status, b"x"))) as (product, _):
        assert product.review("R1", ReviewChange(to=Review.COMPLETED)).status == status


def test_proxies_of_the_shell_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with adapter(always(as_reply(HEALTH))) as (product, _):
        assert product.health().status == "ok"
    assert httpx.Client(trust_env=False).trust_env is False
