"""ぴったりサービス申請API: from the list of procedures to the package that the download function hands out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interface_spec.procedures import load_procedures
from mock_services.models import Fault
from tests.mock_services.portal_support import (
    KEY,
    PDF,
    api,
    attach,
    create,
    filled,
    portal,
    proofs,
    submit,
    with_portal,
)
from tests.mock_services.support import DANTAI, OTHER_DANTAI, InProcess, window


@pytest.fixture
def world(tmp_path: Path) -> Iterator[InProcess]:
    found = with_portal(tmp_path)
    yield found
    found.world.recorder.close()


def package(world: InProcess, receipt_no: str) -> zipfile.ZipFile:
    answer = world.logged_in().get(f"/api/v1/applications/{receipt_no}/package")
    assert answer.status_code == 200
    return zipfile.ZipFile(io.BytesIO(answer.content))


def send(world: InProcess, procedure: str = "K06", key: str = "k1", **changes: Any) -> str:
    http = api(world)
    made = create(http, procedure, key=key, **changes).json()
    answer = submit(http, made["draftId"], proofs(world, made["signTarget"]))
    assert answer.status_code == 200
    return str(answer.json()["receiptNo"])


def test_every_procedure_of_this_configuration_is_offered(world: InProcess) -> None:
    rows = api(world).get("/shinsei/v1/procedures", params={"dantaiCode": DANTAI}).json()["procedures"]
    assert {one["procedureId"] for one in rows} == {one.id for one in load_procedures().values() if not one.outside}
    assert {one["procedureId"]: one["kind"] for one in rows}["M01"] == "2"


def test_every_form_can_be_filled_in_and_sent(world: InProcess) -> None:
    http = api(world)
    for procedure in portal(world).store.procedures.values():
        made = create(http, procedure.id, key=procedure.id)
        assert made.status_code == 201, procedure.id
        draft = made.json()["draftId"]
        for seq, one in enumerate((one for one in procedure.attachments if one.required), start=1):
            assert attach(http, draft, seq, label=one.ja).status_code == 204
        body = {} if procedure.signing == "none" else proofs(world, made.json()["signTarget"])
        assert submit(http, draft, body).status_code == 200, procedure.id
    total = world.logged_in().get("/api/v1/applications", params=window()).json()["total"]
    assert total == len(portal(world).store.procedures)


def test_what_was_sent_is_what_the_download_function_hands_out(world: InProcess) -> None:
    http = api(world)
    made = create(http, "K01").json()
    attach(http, made["draftId"], 1, label="健康保険の資格が分かる書類の写し")
    attach(http, made["draftId"], 2, name="通帳.jpg", label="通帳の写し", data=b"\xff\xd8\xff")
    done = submit(http, made["draftId"], proofs(world, made["signTarget"])).json()
    receipt = done["receiptNo"]
    assert done["receivedAt"] == "2026-10-10T09:00:00+0900"
    with package(world, receipt) as found:
        assert found.read(f"{receipt}/attachments/01_書類.pdf") == PDF
        verification = found.read(f"{receipt}/sigverify.xml").decode()
        application = found.read(f"{receipt}/application.xml").decode()
    resident = portal(world).store.people.persons[0]
    assert "<result>00</result>" in verification
    assert resident.resident.name in verification
    assert f"{resident.card.serial:X}" in verification
    assert "<origin>2</origin>" in application


def test_a_signature_over_something_else_is_found_invalid(world: InProcess) -> None:
    http = api(world)
    made = create(http).json()
    done = submit(http, made["draftId"], proofs(world, "0" * 64)).json()
    with package(world, done["receiptNo"]) as found:
        assert "<result>10</result>" in found.read(f"{done['receiptNo']}/sigverify.xml").decode()


def test_the_status_is_what_the_town_sets(world: InProcess) -> None:
    receipt = send(world)
    path = f"/shinsei/v1/applications/{receipt}/status"
    assert api(world).get(path).json() == {
        "receiptNo": receipt,
        "status": "10",
        "updatedAt": "2026-10-10T09:00:00+0900",
    }
    world.tick.seconds += 3600
    world.world.applications.set_status(DANTAI, receipt, "completed", "お待たせしました")
    assert api(world).get(path).json() == {
        "receiptNo": receipt,
        "status": "30",
        "updatedAt": "2026-10-10T10:00:00+0900",
        "message": "お待たせしました",
    }


def test_nobody_sees_anothers_application(world: InProcess) -> None:
    receipt = send(world)
    other = api(world, "other-key")
    assert other.get(f"/shinsei/v1/applications/{receipt}/status").status_code == 404
    made = create(api(world), key="k2").json()
    assert attach(other, made["draftId"]).status_code == 404
    assert submit(other, made["draftId"], {}).status_code == 404
    for key in ("", "wrong"):
        answer = api(world, key).get("/shinsei/v1/procedures", params={"dantaiCode": DANTAI})
        assert (answer.status_code, answer.json()["code"]) == (401, "PS0401")


def test_the_same_key_makes_one_draft(world: InProcess) -> None:
    http = api(world)
    first, again = create(http).json(), create(http).json()
    assert first == again
    assert create(http, applicantKind="2").status_code == 409
    assert create(http, key="k2").json()["draftId"] != first["draftId"]


def test_a_sent_draft_can_be_changed_no_more(world: InProcess) -> None:
    http = api(world)
    made = create(http).json()
    body = proofs(world, made["signTarget"])
    assert [submit(http, made["draftId"], body).status_code for _ in range(2)] == [200, 409]
    assert attach(http, made["draftId"]).json()["code"] == "PS0409"


def test_late_arrival_is_received_now_and_listed_later(tmp_path: Path) -> None:
    world = with_portal(tmp_path, arrival_seconds=7200)
    receipt = send(world)
    client = world.logged_in()
    assert client.get("/api/v1/applications", params=window()).json()["total"] == 0
    assert api(world).get(f"/shinsei/v1/applications/{receipt}/status").json()["status"] == "10"
    world.tick.seconds += 7200
    row = world.logged_in().get("/api/v1/applications", params=window()).json()["items"][0]
    assert (row["receivedAt"], row["arrivedAt"]) == ("2026-10-10T09:00:00+0900", "2026-10-10T11:00:00+0900")
    world.world.recorder.close()


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("claimant_kana", "てすと"),
        ("claimant_birth_date", "2026-02-30"),
        ("claimant_birth_date", "２０２６-01-01"),
        ("claimant_name", ""),
        ("claimant_name", "あ" * 101),
        ("claimant_name", "a\x00b"),
        ("pension_kind", "私的年金"),
        ("spouse_exists", "yes"),
        ("phone", "０９０-0000-0000"),
    ],
)
def test_a_value_outside_the_form_is_refused(world: InProcess, item: str, value: str) -> None:
    http = api(world)
    form = http.get("/shinsei/v1/procedures/K01/form", params={"dantaiCode": DANTAI}).json()["items"]
    rows = [one | ({"value": value} if one["id"] == item else {}) for one in filled(form)]
    answer = create(http, "K01", items=rows)
    assert (answer.status_code, answer.json()["code"]) == (422, "PS0422")


def test_items_outside_the_form_and_groups_outside_their_bounds_are_refused(world: InProcess) -> None:
    http = api(world)
    rows = filled(http.get("/shinsei/v1/procedures/K01/form", params={"dantaiCode": DANTAI}).json()["items"])
    children = [one for one in rows if one.get("group")]
    for number, wrong in enumerate(
        (
            [*rows, {"id": "unheard_of", "occurrence": 1, "value": "x"}],
            [*rows, rows[0]],
            [one for one in rows if not one.get("group")],
            [*rows, *(one | {"occurrence": n} for n in range(2, 12) for one in children)],
            [one | {"occurrence": 2} for one in rows],
        )
    ):
        assert create(http, "K01", key=f"k{number}", items=wrong).status_code == 422
    assert create(http, "K01", formVersion=2, key="v").status_code == 422


@pytest.mark.parametrize("items", [None, {}, "x", [1], [{}], [{"id": "a"}], [{"id": "a", "occurrence": "1"}]])
def test_rows_that_are_none_are_a_bad_request(world: InProcess, items: object) -> None:
    answer = create(api(world), items=items)
    assert (answer.status_code, answer.json()["code"]) == (400, "PS0400")


def test_a_file_is_refused_by_type_name_digest_and_size(world: InProcess) -> None:
    http = api(world)
    draft = create(http).json()["draftId"]
    assert attach(http, draft, name="x.exe").json()["code"] == "PS0415"
    assert attach(http, draft, name="x").json()["code"] == "PS0415"
    assert attach(http, draft, name="../x.pdf").json()["code"] == "PS0400"
    assert attach(http, draft, seq=0).json()["code"] == "PS0400"
    assert attach(http, draft, headers={"X-Content-SHA256": "0" * 64}).json()["code"] == "PS0400"
    assert attach(http, draft, headers={"X-File-Name": "%ff.pdf"}).json()["code"] == "PS0400"
    assert portal(world).store.draft("site", draft).files == {}
    limit = portal(world).store.rules.package_bytes
    assert attach(http, draft, data=b"x" * limit).json()["code"] == "PS0413"
    assert attach(http, draft, data=b"x" * (limit + 1)).json()["code"] == "PS0413"


def test_what_is_missing_at_the_end_is_refused_and_nothing_is_sent(world: InProcess) -> None:
    http = api(world)
    made = create(http, "K01").json()
    body = proofs(world, made["signTarget"])
    assert submit(http, made["draftId"], body).status_code == 422  # the required paper
    attach(http, made["draftId"], 2, label="健康保険の資格が分かる書類の写し")
    assert submit(http, made["draftId"], body).status_code == 422  # 連番
    attach(http, made["draftId"], 1)
    for wrong in (
        {},
        {"signature": body["signature"]},
        {"authCertificate": body["authCertificate"]},
        body | {"authCertificate": proofs(world, made["signTarget"], 1)["authCertificate"]},
        body | {"signature": body["authCertificate"]},
        body | {"signature": "AAAA"},
    ):
        assert submit(http, made["draftId"], wrong).status_code == 422
    assert submit(http, made["draftId"], body | {"signature": "?"}).status_code == 400
    assert world.logged_in().get("/api/v1/applications", params=window()).json()["total"] == 0
    assert submit(http, made["draftId"], body).status_code == 200


def test_a_signature_where_none_is_wanted_is_refused_and_nothing_is_sent(world: InProcess) -> None:
    http = api(world)
    made = create(http, "S02").json()
    refused = submit(http, made["draftId"], proofs(world, made["signTarget"]))
    assert (refused.status_code, refused.json()["code"]) == (422, "PS0422")
    assert submit(http, made["draftId"], {}).status_code == 200


def test_a_town_that_is_not_here_has_no_procedures(world: InProcess) -> None:
    http = api(world)
    assert http.get("/shinsei/v1/procedures", params={"dantaiCode": "123456"}).status_code == 404
    path = "/shinsei/v1/procedures/V01/form"
    assert http.get(path, params={"dantaiCode": DANTAI}).status_code == 404  # outside of this configuration
    assert create(http, "M02", OTHER_DANTAI).status_code == 201


def test_faults_strike_the_portal(world: InProcess) -> None:
    world.world.set_faults([Fault(name="maintenance", system="portal", operation="create", times=1)])
    assert create(api(world)).json()["code"] == "PS0503"
    assert create(api(world)).status_code == 201


def test_an_overlay_moves_the_portal(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.toml"
    overlay.write_text(
        '[surfaces.portal]\nauth_header = "Authorization"\n'
        '[surfaces.portal.operations.procedures]\npath = "/t"\nrows = "TETSUZUKI"\nrequest.dantai_code = { wire = "d" }\n'
        '[codes.signing.values]\nrequired = { wire = "要", ja = "必要" }\n',
        encoding="utf-8",
    )
    world = with_portal(tmp_path, overlay)
    rows = api(world).get("/t", params={"d": DANTAI}, headers={"Authorization": KEY}).json()["TETSUZUKI"]
    assert "要" in {one["signing"] for one in rows}
    world.world.recorder.close()


def test_a_reset_forgets_what_was_sent(world: InProcess) -> None:
    receipt = send(world)
    world.world.reset()
    assert api(world).get(f"/shinsei/v1/applications/{receipt}/status").status_code == 404
