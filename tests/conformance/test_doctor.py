"""`shinsei doctor` and `shinsei init`: each finding names the field, and a template is fit to start from."""

from __future__ import annotations

import json
import socket
import threading
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from conformance.catalogue import SUITES
from conformance.doctor import _certificate, examine, expected_minutes, imports
from conformance.doctor_roles import Diagnosis
from conformance.engine.settings import Keys, secrets_to_set
from conformance.plan import Plan
from conformance.planner import make_plan
from conformance.target import Target, load_target
from conformance.template import template
from interface_spec import control
from interface_spec.profile import load_profile
from interface_spec.requirements import ROLES
from mock_services.tls import ServerTls
from tests.conformance.scripted import Reply, Script, scripted
from tests.conformance.targets import GOOD, write_target

TODAY = date(2026, 1, 15)
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def plan_for(target: Target) -> Plan:
    return make_plan(
        run_id="r", target=target, profile=load_profile("baseline"), world_version="", reference_date=TODAY, today=TODAY
    )


def product(
    *, skew: timedelta = timedelta(), applications: int = 0, token_status: int = 200, dantai_code: str = ""
) -> Script:
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
            if path == control.APPLICATION.format(receipt_no="R1"):
                return Reply(body=json.dumps(item | {"dantai_code": dantai_code}).encode())
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


def test_applications_of_somebody_else_are_refused_unless_declared(tmp_path: Path) -> None:
    assert bad(findings(tmp_path, product(applications=1))) == ["run.other_applications"]
    with scripted(product(applications=1)) as url:
        text = GOOD.replace("http://127.0.0.1:9001", url).replace("[run]", "[run]\nother_applications = true")
        found = examine(write_target(tmp_path, text), today=TODAY)
    assert bad(found) == []
    assert any(one.grade == "note" and one.field == "run.other_applications" for one in found)


def test_a_product_of_another_municipality_is_told(tmp_path: Path) -> None:
    found = findings(tmp_path, product(applications=1, dantai_code="131016"))
    assert any(one.grade == "bad" and "131016" in one.ja and "991236" in one.ja for one in found)


def test_what_to_set_on_the_products_side(tmp_path: Path) -> None:
    found = findings(tmp_path, product())
    sheet = {one.field: one.ja for one in found if one.grade == "set"}
    assert sheet["団体コード"] == "991236"
    assert sheet["ダウンロード機能のURL"] == "https://dl.shinsei.lgwan.test:18443"
    assert sheet["プロキシ（連携サーバ）"] == "http://127.0.0.1:13128"
    ca = Path(sheet["信頼する認証局（ルート）の証明書"])
    assert ca == tmp_path / "shinsei-ca" / "dl-ca.pem"
    assert ca.with_name("dl-ca.key").stat().st_mode & 0o077 == 0
    before = ca.read_bytes()
    assert findings(tmp_path, product())
    assert ca.read_bytes() == before
    assert "secret-token" not in str(found)


def test_credentials_to_set_differ_by_seed_when_asked_to(tmp_path: Path) -> None:
    text = GOOD.replace("seed = 7", 'seed = 7\ncredential = "per-seed"')

    def sheet(seed: int | None = None) -> dict[str, str]:
        found = examine(write_target(tmp_path, text), today=TODAY, seed=seed)
        return {one.field: one.ja for one in found if one.grade == "set"}

    names = ["ダウンロード機能のアカウント", "ダウンロード機能の秘密", "番号紐付情報のAPIキー"]
    keys = [name for name in sheet() if "秘密" in name or "キー" in name or "アカウント" in name]
    assert set(names) < set(keys)
    assert all(sheet()[name] != sheet(8)[name] and not sheet()[name].endswith("-0000") for name in keys)
    assert sheet() == sheet(7)
    target = load_target(write_target(tmp_path, text))
    assert (
        sheet()["ダウンロード機能の秘密"]
        == Keys.of(target.credentials, ["kaigo"], secrets_to_set(target)).download_secret
    )


def test_minutes_by_adapter(tmp_path: Path) -> None:
    target = load_target(write_target(tmp_path, GOOD))
    plan = plan_for(target)
    slow = target.model_copy(
        update={"adapter": target.adapter.model_copy(update={"trigger": "poll", "poll_seconds": 600})}
    )
    person = target.model_copy(update={"adapter": target.adapter.model_copy(update={"kind": "operator"})})
    assert expected_minutes(slow, plan) == pytest.approx(imports(plan) * 10)
    shared = plan_for(slow)
    assert imports(shared) == 6
    assert expected_minutes(slow, shared) == pytest.approx(60)
    assert expected_minutes(person, plan) > expected_minutes(target, plan)
    scripts = tomllib.loads((SUITES / "am" / "disturbances.toml").read_text(encoding="utf-8"))["disturbance"]
    assert imports(plan) == sum(step["do"] == "import" for one in scripts.values() for step in one["steps"])
    told = " ".join(one.ja for one in examine(tmp_path / "target.toml", today=TODAY) if one.field == "declare")
    assert f"ラウンド {len(plan.rounds)} 回、およそ {expected_minutes(target, plan):.0f} 分" in told


def test_a_certificate_that_does_not_verify_is_named(tmp_path: Path) -> None:
    server_tls = ServerTls("localhost", datetime.now(UTC))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def serve() -> None:
            for _ in range(4):
                try:
                    connection, _address = listening.accept()
                    with connection, server_tls.context.wrap_socket(connection, server_side=True):
                        pass
                except OSError:
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        (found,) = list(_certificate("endpoints.handover", f"https://localhost:{port}"))
    assert found.grade == "bad"
    assert "証明書を検証できません" in found.ja


def test_an_adapter_of_files_is_examined_through_its_files(tmp_path: Path) -> None:
    text = (
        (EXAMPLES / "target-files.toml")
        .read_text(encoding="utf-8")
        .replace("call_timeout_seconds = 60", "call_timeout_seconds = 0.1")
    )
    text = text.partition("[endpoints]")[0] + "[adapter]" + text.partition("[adapter]")[2]
    found = examine(write_target(tmp_path, text), today=TODAY)
    assert "adapter.files" in bad(found)
    assert any("③-5 は未検証" in one.ja for one in found)


@pytest.mark.parametrize("name", ["files", "python", "operator", "image"])
def test_the_worked_examples_are_targets(tmp_path: Path, name: str) -> None:
    text = (EXAMPLES / f"target-{name}.toml").read_text(encoding="utf-8")
    assert load_target(write_target(tmp_path, text)).adapter.kind == name.replace("image", "http")


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_template_that_doctor_accepts(tmp_path: Path, role: str) -> None:
    path = write_target(tmp_path, template(role).replace("env:AM_CONTROL_TOKEN", "env:TEST_CONTROL_TOKEN"))
    (tmp_path / "squid.conf").touch()
    found = examine(path, today=TODAY)
    unreachable = {"endpoints.control", "endpoints.handover"} if role == "am" else set()  # nothing runs at its address
    assert set(bad(found)) == unreachable
    assert template(role).startswith("#")


@pytest.mark.parametrize(("role", "old", "new", "place"), [
    ("relay", 'kind = "proxy"', 'kind = "prox"', "kind"),
    ("relay", "squid.conf", "none.conf", "squid_conf"),
    ("core", 'K01 = "iv"', 'K99 = "iv"', "methods"),
    ("juki", 'serial_source = "cs"', 'serial_source = "x"', "serial_source"),
    ("mun", "[product]", "[prodct]", "product"),
])  # fmt: skip
def test_a_mistake_in_another_roles_file_is_named(tmp_path: Path, role: str, old: str, new: str, place: str) -> None:
    (tmp_path / "squid.conf").touch()
    text = template(role)
    assert old in text
    assert place in bad(examine(write_target(tmp_path, text.replace(old, new, 1)), today=TODAY))


def test_an_unset_secret_is_named_and_the_product_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_CONTROL_TOKEN")
    found = examine(write_target(tmp_path), today=TODAY)
    assert bad(found) == ["credentials.control_token"]
    (told,) = [one for one in found if one.field == "credentials.control_token"]
    assert told.ja.startswith("環境変数 TEST_CONTROL_TOKEN")  # the field is printed before it, once


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
    target = load_target(write_target(tmp_path, template("am")))
    assert target.role == "am"
    assert target.world.ports.download
