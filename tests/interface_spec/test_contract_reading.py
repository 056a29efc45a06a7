"""The engine reads recorded exchanges by the profile: no status, code or place is known by heart."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from conformance.engine.contract import Contract
from conformance.planner import inexpressible
from conformance.record import Exchange
from fixtures.world import World
from interface_spec.profile import load_profile
from tests.interface_spec.overlays import ODD, laid_over


def exchange(seq: int = 1, **changes: object) -> Exchange:
    values: dict[str, object] = {
        "seq": seq,
        "at": "2026-11-23T09:00:00+09:00",
        "system": "download",
        "operation": "get",
        "peer": "127.0.0.1:1",
        "method": "POST",
        "target": "/zip",
        "request_headers": {},
        "request_body": "",
        "request_bytes": 0,
        "status": 200,
        "response_headers": {},
        "response_body": "",
        "response_bytes": 0,
        "fault": "",
    }
    return Exchange.model_validate(values | changes)


@pytest.mark.parametrize(
    ("overlay", "status", "body", "name"),
    [
        (None, 401, '{"code": "DL0402"}', "bad_token"),
        (None, 401, '{"code": "DL0401"}', "bad_credentials"),
        (None, 401, '{"code": "DL9999"}', ""),
        (None, 503, "<html>", "maintenance"),
        (None, 200, '{"code": "DL0402"}', ""),
        (ODD, 403, '{"ERRCD": "E-TOKEN"}', "bad_token"),
        (ODD, 403, '{"ERRCD": "DL0403"}', "forbidden"),
        (ODD, 418, '{"ERRCD": "E-HOSHU"}', "maintenance"),
        (ODD, 503, "", "too_many"),
    ],
)
def test_a_refusal_has_the_name_that_the_profile_gives_it(
    overlay: Path | None, status: int, body: str, name: str
) -> None:
    assert Contract(load_profile("baseline", overlay)).refusal("download", status, body) == name


def test_bodies_and_acknowledgements_are_those_of_the_contract(tmp_path: Path) -> None:
    plain, odd = Contract(load_profile()), Contract(load_profile("baseline", ODD))
    assert [plain.has_body("download", one) for one in ("login", "list", "get", "nothing")] == [
        True,
        False,
        False,
        False,
    ]
    assert [odd.has_body("download", one) for one in ("login", "list", "get")] == [True, True, True]
    assert (plain.acknowledged(200), plain.acknowledged(202)) == (True, False)
    assert (odd.acknowledged(200), odd.acknowledged(202)) == (False, True)
    declared = laid_over(tmp_path, "[surfaces.download.operations.status_update]\ndeclared = true\n")
    assert not Contract(declared).has_body("download", "status_update"), "3.2: nothing goes outward"


def test_a_request_names_its_application_wherever_the_profile_puts_it() -> None:
    for carried in (
        exchange(target="/applications/R%2F1"),
        exchange(target="/zip?no=R%2F1"),
        exchange(request_headers={"X-No": "R/1"}),
        exchange(request_body='{"no": "R/1"}'),
    ):
        assert carried.names("R/1")
    assert not exchange().names("R/1")


def test_only_the_same_request_later_repeats_one() -> None:
    first = exchange(1, request_body="a")
    assert exchange(2, request_body="a").repeats(first)
    assert not exchange(2, request_body="b").repeats(first)
    assert not exchange(2, request_body="a", operation="list").repeats(first)
    assert not first.repeats(exchange(2, request_body="a"))


@pytest.mark.slow
def test_cases_beyond_an_overlay_are_named_with_their_reason() -> None:
    today = date(2026, 11, 23)
    beyond = inexpressible(World(seed=1, reference_date=today, profile=load_profile("baseline", ODD)), "am")
    assert "cp932 で表せません" in beyond["k01-hard-characters"]
    assert "csv" in beyond["broken-xxe"]
    assert "k01-plain" not in beyond
    assert all(" / " in reason for reason in beyond.values())
