"""What the download function does to everybody by rule: rate limit, 保守時間帯, client certificates."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from mock_services.control import WorldClient, WorldError
from mock_services.models import Fault
from mock_services.rules import Maintenance, Rules
from tests.mock_services.support import JST, InProcess, Process, in_process, window


def rules(**values: object) -> Rules:
    return Rules.model_validate(values)


def calls(client: httpx.Client, count: int) -> list[int]:
    return [client.get("/api/v1/applications", params=window()).status_code for _ in range(count)]


def test_a_token_may_call_so_often_a_minute_and_is_told_when_to_come_back(inside: InProcess) -> None:
    first, second = inside.logged_in(), inside.logged_in()
    inside.world.door.set(rules(calls_per_minute=3))
    assert calls(first, 5) == [200, 200, 200, 429, 429]
    assert calls(second, 1) == [200]
    inside.tick.seconds += 20
    answer = first.get("/api/v1/applications", params=window())
    assert (answer.json()["code"], answer.headers["Retry-After"]) == ("DL0429", "40")
    inside.tick.seconds += 40
    assert calls(first, 4) == [200, 200, 200, 429]


def test_logins_are_counted_by_where_they_come_from(inside: InProcess) -> None:
    inside.world.door.set(rules(calls_per_minute=2))
    client = inside.download()
    body = {"dantaiCode": "999997", "account": "city", "secret": "wrong"}
    assert [client.post("/api/v1/login", json=body).status_code for _ in range(4)] == [401, 401, 429, 429]


@pytest.mark.parametrize(
    ("now", "closed"), [("01:59", False), ("02:00", True), ("04:59", True), ("05:00", False), ("23:59", False)]
)
def test_a_maintenance_window_closes_the_function_every_day(inside: InProcess, now: str, closed: bool) -> None:
    client = inside.logged_in()
    inside.world.door.set(rules(maintenance=[{"start": "02:00", "end": "05:00"}]))
    inside.world.set_clock(datetime.fromisoformat(f"2026-10-10T{now}:00+09:00"))
    client = inside.download()
    body = {"dantaiCode": "999997", "account": "city", "secret": "open sesame"}
    answer = client.post("/api/v1/login", json=body)
    assert answer.status_code == (503 if closed else 200)
    if closed:
        assert answer.json()["code"] == "DL0503"
        left = datetime(2026, 10, 10, 5, tzinfo=JST) - inside.world.clock.now()
        assert timedelta(seconds=int(answer.headers["Retry-After"])) == left


def test_a_profile_may_say_that_there_is_no_json_in_a_maintenance_window(tmp_path: Path) -> None:
    overlay = tmp_path / "silent.toml"
    overlay.write_text("[surfaces.download]\njson_on_timeout = false\n", encoding="utf-8")
    world = in_process(tmp_path / "run", overlay=overlay)
    client = world.logged_in()
    world.world.set_faults([Fault(name="maintenance", times=1)])
    by_fault = client.get("/api/v1/applications")
    world.world.door.set(rules(maintenance=[{"start": "08:00", "end": "10:00"}]))
    by_rule = client.get("/api/v1/applications")
    world.world.recorder.close()
    assert (by_fault.status_code, by_fault.content) == (by_rule.status_code, by_rule.content) == (503, b"")
    assert int(by_rule.headers["Retry-After"]) == 3600


def test_a_window_over_midnight_belongs_to_the_day_it_starts() -> None:
    saturday = Maintenance.model_validate({"start": "23:00", "end": "01:00", "weekdays": [5]})
    moment = datetime(2026, 10, 10, 23, 30, tzinfo=JST)  # a Saturday
    assert saturday.ends_at(moment) == datetime(2026, 10, 11, 1, tzinfo=JST)
    assert saturday.ends_at(moment + timedelta(hours=1)) == datetime(2026, 10, 11, 1, tzinfo=JST)
    assert saturday.ends_at(moment + timedelta(days=1)) is None
    assert saturday.ends_at(moment - timedelta(hours=23)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"maintenance": [{"start": "02:00", "end": "02:00"}]},
        {"maintenance": [{"start": "02:00", "end": "03:00", "weekdays": [7]}]},
        {"calls_per_minute": -1},
        {"client_certificate": "perhaps"},
    ],
)
def test_wrong_rules_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        rules(**wrong)


def test_a_reset_brings_the_configured_rules_back(tmp_path: Path) -> None:
    world = in_process(tmp_path, rules={"calls_per_minute": 7})
    world.world.door.set(Rules())
    world.world.reset()
    assert world.world.door.rules.calls_per_minute == 7
    world.world.recorder.close()


def by_relay(running: Process, client_pem: str = "") -> httpx.Client:
    context = ssl.create_default_context(cafile=running.endpoints.dl_ca_file)
    if client_pem:
        context.load_cert_chain(client_pem)
    return httpx.Client(
        base_url=running.endpoints.download_url, proxy=running.endpoints.relay_url, verify=context, trust_env=False
    )


def test_a_client_certificate_is_asked_for_when_the_rules_say_so(
    running: Process, outside: WorldClient, tmp_path: Path
) -> None:
    where = outside.set_rules(rules(client_certificate="required"))
    assert outside.rules().client_certificate == "required"
    with by_relay(running) as client, pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
        client.get("/api/v1/applications")
    with by_relay(running, where.dl_client_file) as client:
        assert client.get("/api/v1/applications").status_code == 401
    outside.set_rules(rules(client_certificate="optional"))
    with by_relay(running) as client:
        assert client.get("/api/v1/applications").status_code == 401
    outside.reset()
    assert outside.rules().client_certificate == "none"


def test_the_control_api_refuses_wrong_rules_with_one_sentence(running: Process, outside: WorldClient) -> None:
    answer = httpx.put(f"{running.endpoints.control_url}/world/v1/rules", json={"calls": 1}, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    with pytest.raises(WorldError):
        outside.body("0" * 64)
