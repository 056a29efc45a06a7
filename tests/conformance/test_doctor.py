"""`shinsei doctor` and `shinsei init`: each finding names the field, and a template is fit to start from."""

from __future__ import annotations

import json
import socket
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from conformance.doctor import Diagnosis, examine
from conformance.target import load_target
from conformance.template import TEMPLATES
from interface_spec import control
from tests.conformance.scripted import Reply, Script, scripted
from tests.conformance.targets import GOOD, write_target

TODAY = date(2026, 1, 15)


def product(*, skew: timedelta = timedelta(), applications: int = 0, token_status: int = 200) -> Script:
    def answer(_: str, path: str) -> Reply:
        if path == control.HEALTH:
            now = (datetime.now(UTC) + skew).isoformat()
            health = {"status": "ok", "product": "試作品", "version": "1", "now": now}
            return Reply(body=json.dumps(health).encode())
        if path.startswith(control.APPLICATIONS):
            item = {
                "receipt_no": "R1",
                "procedure_id": "K01",
                "ingestion": "stored",
                "review": "unreviewed",
                "handover": "none",
                "received_at": "2026-01-01T00:00:00+09:00",
                "arrived_at": "2026-01-01T00:00:00+09:00",
                "imported_at": "2026-01-01T00:00:00+09:00",
                "version": 1,
            }
            page = {"total": applications, "items": [item] * applications}
            return Reply(status=token_status, body=json.dumps(page).encode())
        return Reply(status=404)

    return answer


def findings(folder: Path, script: Script) -> list[Diagnosis]:
    with scripted(script) as url:
        return examine(write_target(folder, GOOD.replace("http://127.0.0.1:9001", url)), today=TODAY)


def bad(found: list[Diagnosis]) -> list[str]:
    return [one.field for one in found if one.grade == "bad"]


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_CONTROL_TOKEN", "secret-token")


def test_a_fit_configuration_has_nothing_bad(tmp_path: Path) -> None:
    found = findings(tmp_path, product())
    assert bad(found) == []
    assert any("ラウンド" in one.ja for one in found)


def test_a_clock_that_is_off_is_named(tmp_path: Path) -> None:
    found = findings(tmp_path, product(skew=timedelta(hours=9)))
    assert bad(found) == ["endpoints.control"]
    assert "時計" in next(one.ja for one in found if one.grade == "bad")


def test_a_refused_token_is_bad(tmp_path: Path) -> None:
    assert bad(findings(tmp_path, product(token_status=401))) == ["endpoints.control"]


def test_applications_that_are_there_already_are_noted(tmp_path: Path) -> None:
    found = findings(tmp_path, product(applications=1))
    assert any(one.grade == "note" and "すでに 1 件" in one.ja for one in found)


def test_an_unset_secret_is_named_and_the_product_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_CONTROL_TOKEN")
    found = examine(write_target(tmp_path), today=TODAY)
    assert bad(found) == ["credentials.control_token"]


def test_an_unreachable_product_is_bad_in_every_endpoint(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    found = examine(write_target(tmp_path, GOOD.replace("http://127.0.0.1:9001", url)), today=TODAY)
    assert bad(found) == ["endpoints.control", "endpoints.handover", "endpoints.screen"]


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        text = GOOD.replace("relay = 13128", f"relay = {taken.getsockname()[1]}")
        found = examine(write_target(tmp_path, text), today=TODAY)
    assert "world.ports.relay" in bad(found)


def test_a_broken_file_is_one_sentence(tmp_path: Path) -> None:
    found = examine(write_target(tmp_path, GOOD.replace('role = "am"', 'role = "am')), today=TODAY)
    assert [one.grade for one in found] == ["bad"]


def test_the_template_is_a_valid_target(tmp_path: Path) -> None:
    target = load_target(write_target(tmp_path, TEMPLATES["am"]))
    assert target.role == "am"
    assert target.world.ports.download
