"""Schemathesis over the product's own HTTP API: no input makes it fail inside, every answer is as described."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from fixtures.world import World
from interface_spec import control
from testbed.postgres import EmbeddedServer
from tests.reference_impl.product import KEYS, TOKEN, Product, running_product, running_world, start_of

CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def product(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    world = World(seed=14, reference_date=date(2026, 11, 23))
    url = server.create_database("api")
    with running_world(tmp_path_factory.mktemp("world"), world, start_of(world)) as running:
        running.load("k01-plain", "k01-all-attachment-types", "broken-crc")
        with running_product(running, url, start_of(world)) as started:
            started.import_now()
            yield started


def try_out(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, product: Product) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}

    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode))
    def draw(case: Case[Any]) -> None:
        case.call_and_validate(base_url=product.url, session=session, headers=headers, checks=CHECKS)

    with requests.Session() as session:
        draw()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_stands_any_input(product: Product, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{product.url}/openapi.json")
    seen: list[str] = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        takes_something = bool(list(operation.iter_parameters())) or bool(operation.body)
        if takes_something or mode is GenerationMode.POSITIVE:
            try_out(operation, mode, product)
            seen.append(f"{operation.method.upper()} {operation.path}")
    assert "POST /control/v1/applications/{receipt_no}/review" in seen
    assert product.http.get("/control/v1/health").json()["status"] == "ok"


@pytest.mark.parametrize("receipt_no", ["%00", "a%00b", "%F0%9F%98%80", "..%2f..", "x" * 5000])
def test_names_that_nobody_has(product: Product, receipt_no: str) -> None:
    for path in (f"/control/v1/applications/{receipt_no}", f"/control/v1/applications/{receipt_no}/attachments/1"):
        assert product.http.get(path).status_code in (404, 422)
    own = {"X-Api-Key": KEYS["jido_teate"]}
    for path in (f"/renkei/v1/applications/{receipt_no}", f"/renkei/v1/applications/{receipt_no}/attachments/1"):
        assert product.http.get(path, headers=own).status_code in (400, 404, 422)


def test_more_than_any_request_needs_is_refused(product: Product) -> None:
    path = "/control/v1/applications/nobody/review"
    answer = product.http.post(path, content=b'{"to": "' + b"x" * (2 << 20) + b'"}')
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert product.http.post(path, content=b'{"to": "x"}').status_code == 422


def test_every_operation_of_the_control_interface_is_described_and_guarded(product: Product) -> None:
    described = product.http.get("/openapi.json").raise_for_status().json()["paths"]
    named = {value for name, value in vars(control).items() if name.isupper() and isinstance(value, str)}
    assert named - {control.BASE} <= set(described)
    for path, operations in described.items():
        for method, operation in operations.items():
            answer = product.http.request(method, path, headers={"Authorization": "Bearer wrong"})
            assert (answer.status_code == 401) is ("security" in operation), path
