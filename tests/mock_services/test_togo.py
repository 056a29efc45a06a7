"""団体内統合宛名: tokens, scopes, the two look-ups, E0001–E0004, 名寄せ, nobody without JSON by mistake."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from interface_spec.errors import SpecError
from mock_services.models import Fault, TogoRecord
from mock_services.togo.system import TogoSystem
from mock_services.world import RefusedError
from tests.mock_services.support import START, InProcess, asgi_client, in_process

CLIENT, SECRET = "A" * 32, "s" * 40
LOOKUP, REVERSE = "/app_submit/v10/togoatenabango", "/app_submit/v10/atenabango"
SCOPES = ["032:app_submit/v10/togoatenabango:Read", "032:app_submit/v10/atenabango:Read"]
JWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
def togo(tmp_path: Path) -> Iterator[InProcess]:
    clients = [
        {"client_id": CLIENT, "secret": SECRET},
        {"client_id": "B" * 32, "secret": SECRET, "scopes": SCOPES[:1]},
    ]
    world = in_process(tmp_path, togo={"clients": clients})
    put(
        world,
        [
            TogoRecord(gyomu_id="001", atena_no="000000000000001", togo_atena_no="900000000000001"),
            TogoRecord(gyomu_id="001", atena_no="000000000000002"),
            TogoRecord(gyomu_id="001", atena_no="000000000000003", togo_atena_no="9", merged_into="000000000000001"),
            TogoRecord(gyomu_id="020", atena_no="000000000000001", togo_atena_no="900000000000007"),
        ],
    )
    yield world
    world.world.recorder.close()


def system(world: InProcess) -> TogoSystem:
    found = world.world.systems["togo"]
    assert isinstance(found, TogoSystem)
    return found


def put(world: InProcess, rows: list[TogoRecord]) -> None:
    system(world).put(rows)


def client(world: InProcess) -> httpx.Client:
    return asgi_client(system(world).doors()["togo"])


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def assertion(secret: str = SECRET, alg: str = "HS256", **claims: Any) -> str:
    stated = {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": "https://mock/oauth2/v1/token",
        "exp": START.timestamp() + 60,
        "jti": "one",
    } | claims
    signed = b64(json.dumps({"alg": alg, "typ": "JWT"}).encode()) + "." + b64(json.dumps(stated).encode())
    return signed + "." + b64(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())


def ask_token(http: httpx.Client, **form: str) -> httpx.Response:
    values = {"grant_type": "client_credentials", "client_assertion_type": JWT, "client_assertion": assertion()} | form
    return http.post("/oauth2/v1/token", data={name: value for name, value in values.items() if value})


def authorised(world: InProcess, **claims: Any) -> httpx.Client:
    http = client(world)
    answer = ask_token(http, client_assertion=assertion(**claims))
    assert answer.status_code == 200
    http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return http


def test_a_token_says_what_it_is_good_for(togo: InProcess) -> None:
    answer = ask_token(client(togo), scope=SCOPES[0])
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert len(body.pop("access_token")) == 64
    assert body == {"token_type": "Bearer", "expires_in": 1800, "scope": SCOPES[0]}


@pytest.mark.parametrize(
    "bad",
    [
        assertion(secret="t" * 40),
        assertion(alg="none"),
        assertion(alg="HS512"),
        assertion(iss="B" * 32),
        assertion(sub="C" * 32, iss="C" * 32),
        assertion(aud="https://elsewhere/oauth2/v1/token"),
        assertion(aud="https://mock/oauth2/v1/other"),
        assertion(aud=None),
        assertion(exp=START.timestamp()),
        assertion(exp=START.timestamp() + 301),
        assertion(exp=True),
        assertion(exp="soon"),
        assertion(jti=""),
        assertion(jti=None),
        assertion(sub=["x"]),
        assertion().rpartition(".")[0] + ".",
        "a.b",
        "a.b.c",
        "é.é.é",
        "W10.W10.W10",
    ],
)
def test_a_wrong_assertion_gets_no_token_and_no_reason(togo: InProcess, bad: str) -> None:
    answer = ask_token(client(togo), client_assertion=bad)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_an_assertion_is_used_once(togo: InProcess) -> None:
    http = client(togo)
    assert [ask_token(http).status_code for _ in range(2)] == [200, 401]
    assert ask_token(http, client_assertion=assertion(jti="two")).status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({"client_assertion": ""}, "invalid_request"),
        ({"client_assertion_type": "other"}, "invalid_request"),
        ({"scope": "032:else:Read"}, "invalid_scope"),
    ],
)
def test_a_wrong_token_request_is_named_as_the_rfc_does(togo: InProcess, form: dict[str, str], error: str) -> None:
    answer = ask_token(client(togo), **form)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_token_request_that_is_no_form_is_refused(togo: InProcess) -> None:
    http = client(togo)
    assert http.post("/oauth2/v1/token", json={"grant_type": "client_credentials"}).json() == {
        "error": "invalid_request"
    }
    assert http.get("/oauth2/v1/token").status_code == 405


def test_a_number_is_found_by_the_number_of_its_business(togo: InProcess) -> None:
    answer = authorised(togo).post(LOOKUP, json={"gyomuid": "001", "atenabango": "000000000000001"})
    assert answer.status_code == 200
    assert answer.json() == {
        "metadata": {"title": "正常終了", "detail": "1 件"},
        "_links": {"self": {"href": LOOKUP}},
        "result": [
            {
                "atenabango": "000000000000001",
                "dantainaitogoatenabango": "900000000000001",
                "nayosemotoflag": "0",
            }
        ],
    }


def test_a_person_without_a_number_yet_is_no_error(togo: InProcess) -> None:
    http = authorised(togo)
    for number in ("000000000000002", "000000000000099"):
        answer = http.post(LOOKUP, json={"gyomuid": "001", "atenabango": number})
        assert (answer.status_code, answer.json()["result"]) == (200, [])


def test_a_merged_person_has_the_number_of_the_other(togo: InProcess) -> None:
    http = authorised(togo)
    (row,) = http.post(LOOKUP, json={"gyomuid": "001", "atenabango": "000000000000003"}).json()["result"]
    assert row == {
        "atenabango": "000000000000003",
        "dantainaitogoatenabango": "900000000000001",
        "nayosesakiatenabango": "000000000000001",
        "nayosemotoflag": "1",
    }
    found = http.post(REVERSE, json={"dantainaitogoatenabango": "900000000000001"}).json()["result"]
    assert [one["atenabango"] for one in found] == ["000000000000001", "000000000000003"]


def test_equal_digits_of_two_businesses_are_two_persons(togo: InProcess) -> None:
    http = authorised(togo)
    numbers = {
        http.post(LOOKUP, json={"gyomuid": one, "atenabango": "000000000000001"}).json()["result"][0][
            "dantainaitogoatenabango"
        ]
        for one in ("001", "020")
    }
    assert numbers == {"900000000000001", "900000000000007"}


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({}, ["E0001", "E0001"]),
        ({"gyomuid": "001"}, ["E0001"]),
        ({"gyomuid": "001", "atenabango": None}, ["E0001"]),
        ({"gyomuid": "001", "atenabango": "１２３"}, ["E0002"]),
        ({"gyomuid": "001", "atenabango": "12-3"}, ["E0002"]),
        ({"gyomuid": 1, "atenabango": "1"}, ["E0002"]),
        ({"gyomuid": "01", "atenabango": "1" * 16}, ["E0003", "E0003"]),
        ({"gyomuid": "001", "atenabango": "1", "kojinbango": "1"}, ["E0004"]),
        ({"gyomuid": "999", "atenabango": "1"}, ["E0004"]),
    ],
)
def test_every_breach_is_listed(togo: InProcess, body: dict[str, object], codes: list[str]) -> None:
    answer = authorised(togo).post(LOOKUP, json=body)
    assert answer.status_code == 400
    assert [one["code"] for one in answer.json()["errors"]] == codes
    assert "result" not in answer.json()


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"gyomuid":"001","gyomuid":"001"}', b"\xff"])
def test_a_body_that_cannot_be_read_is_a_missing_item(togo: InProcess, content: bytes) -> None:
    answer = authorised(togo).post(LOOKUP, content=content)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "E0001")


def test_nothing_is_shown_without_a_good_token(togo: InProcess) -> None:
    asked = {"gyomuid": "001", "atenabango": "000000000000001"}
    http = authorised(togo)
    small = authorised(togo, sub="B" * 32, iss="B" * 32)
    assert small.post(LOOKUP, json=asked).status_code == 200
    assert small.post(REVERSE, json={"dantainaitogoatenabango": "9"}).status_code == 401
    for header in ("", "Bearer x", "Basic " + http.headers["Authorization"].split()[1]):
        answer = client(togo).post(LOOKUP, json=asked, headers={"Authorization": header})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.json()["metadata"]["title"] == "認証に失敗しました"
    togo.tick.seconds += 1801
    assert http.post(LOOKUP, json=asked).status_code == 401


def test_maintenance_and_timeouts_have_no_json_but_the_unexpected_has(togo: InProcess) -> None:
    http = authorised(togo)
    togo.world.set_faults([Fault(name="maintenance", system="togo", times=1)])
    answer = http.post(LOOKUP, json={})
    assert (answer.status_code, answer.content) == (503, b"")
    togo.world.set_faults([Fault(name="unexpected", system="togo", operation="lookup", times=1)])
    answer = http.post(LOOKUP, json={})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "E9999")
    togo.world.set_faults([Fault(name="too-many", system="togo", operation="token", times=1)])
    assert ask_token(client(togo)).status_code == 429
    togo.world.set_faults([Fault(name="expire-token", system="togo", times=1, params={"after_calls": 0})])
    assert http.post(LOOKUP, json={}).status_code == 401


def test_other_paths_and_methods_are_no_calls(togo: InProcess) -> None:
    http = authorised(togo)
    assert http.get(LOOKUP).status_code == 405
    assert http.post("/app_submit/v11/togoatenabango", json={}).status_code == 404


@pytest.mark.parametrize(
    "rows",
    [
        [TogoRecord(gyomu_id="001", atena_no="1"), TogoRecord(gyomu_id="001", atena_no="1")],
        [TogoRecord(gyomu_id="001", atena_no="1", merged_into="2")],
        [
            TogoRecord(gyomu_id="001", atena_no="1", merged_into="2"),
            TogoRecord(gyomu_id="001", atena_no="2", merged_into="1"),
        ],
        [TogoRecord(gyomu_id="0001", atena_no="1")],
        [TogoRecord(gyomu_id="001", atena_no="１")],
    ],
)
def test_wrong_data_are_refused_and_change_nothing(togo: InProcess, rows: list[TogoRecord]) -> None:
    before = system(togo).store.full()
    with pytest.raises(RefusedError):
        put(togo, rows)
    assert system(togo).store.full() == before


def test_a_reset_forgets_persons_and_tokens(togo: InProcess) -> None:
    http = authorised(togo)
    togo.world.reset()
    assert system(togo).store.full() == []
    assert http.post(LOOKUP, json={}).status_code == 401


@pytest.mark.parametrize(
    ("one", "place"),
    [
        ({"client_id": "short", "secret": SECRET}, "client_id"),
        ({"client_id": CLIENT, "secret": "short"}, "secret"),
        ({"client_id": CLIENT, "secret": SECRET, "scopes": ["x"]}, "scopes"),
    ],
)
def test_a_wrong_client_is_one_sentence(tmp_path: Path, one: dict[str, object], place: str) -> None:
    with pytest.raises(SpecError, match=place):
        in_process(tmp_path, togo={"clients": [one]})


def test_an_overlay_moves_everything(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.toml"
    overlay.write_text(
        '[surfaces.togo]\nauth_header = "X-Auth"\n'
        '[surfaces.togo.oauth]\ntoken_path = "/t"\nclient_auth = "client_secret_basic"\n'
        '[surfaces.togo.envelope]\nmetadata = "meta"\nerrors = "ayamari"\n'
        '[surfaces.togo.operations.lookup]\nmethod = "PUT"\npath = "/l"\nrows = "kekka"\n'
        'request.atena_no = { wire = "ban" }\nrow.merged = { format = "json" }\n'
        '[surfaces.togo.errors]\nrequired = { status = 422, code = "X1", message = "無い" }\n',
        encoding="utf-8",
    )
    world = in_process(tmp_path, overlay=overlay, togo={"clients": [{"client_id": CLIENT, "secret": SECRET}]})
    put(world, [TogoRecord(gyomu_id="001", atena_no="1", togo_atena_no="9")])
    http = client(world)
    assert http.post("/t", data={"grant_type": "client_credentials"}, auth=(CLIENT, "wrong")).status_code == 401
    token = http.post("/t", data={"grant_type": "client_credentials"}, auth=(CLIENT, SECRET)).json()["access_token"]
    http.headers["X-Auth"] = f"Bearer {token}"
    good = http.put("/l", json={"gyomuid": "001", "ban": "1"}).json()
    assert good["meta"]["title"] == "正常終了"
    assert good["kekka"] == [{"atenabango": "1", "dantainaitogoatenabango": "9", "nayosemotoflag": False}]
    bad = http.put("/l", json={"gyomuid": "001"})
    assert (bad.status_code, bad.json()["ayamari"]) == (422, [{"code": "X1", "message": "無い（ban）"}])
    world.world.recorder.close()
