"""宛名情報 of the core systems in process: each its own numbers, its own key."""

from __future__ import annotations

import pytest

from mock_services.world import RefusedError, UnknownError
from tests.mock_services.support import InProcess, atena


def test_the_full_file_is_the_core_systems_own(inside: InProcess) -> None:
    inside.world.put_atena("kaigo", [atena("000000000000009", "𠮷田　花子", gender="female", birth_date="1950-01-02")])
    inside.world.put_atena(
        "jido_teate", [atena("000000000000001", juki_atena_no="000000000000001", kana="カクウ　タロウ")]
    )
    text = inside.atena("kaigo").get("/atena/v1/zenken").content.decode()
    assert text == (
        "業務宛名番号,住民宛名番号,氏名,氏名カナ,生年月日,性別,住所,住民状態\r\n"
        "000000000000009,,𠮷田　花子,,1950-01-02,2,架空市一丁目２番３号,1\r\n"
    )
    assert "カクウ　タロウ" in inside.atena("jido_teate").get("/atena/v1/zenken").content.decode()


def test_loading_replaces_the_whole_table(inside: InProcess) -> None:
    inside.world.put_atena("kaigo", [atena("1"), atena("2")])
    inside.world.put_atena("kaigo", [atena("3")])
    assert [row.atena_no for row in inside.world.atena["kaigo"].full()] == ["3"]


def test_the_key_of_another_core_system_opens_nothing(inside: InProcess) -> None:
    answer = inside.atena("kaigo").get("/atena/v1/zenken", headers={"X-Api-Key": "jido-key"})
    assert (answer.status_code, answer.json()["code"]) == (401, "KK0401")


def test_calls_outside_the_contract_are_refused(inside: InProcess) -> None:
    client = inside.atena()
    assert client.get("/atena/v1/zenken", params={"name": "x"}).status_code == 400
    assert client.get("/atena/v1/other").status_code == 404
    assert client.post("/atena/v1/zenken").status_code == 405


def test_data_without_wire_form_are_refused_and_nothing_changes(inside: InProcess) -> None:
    inside.world.put_atena("kaigo", [atena("1")])
    with pytest.raises(RefusedError, match="性別"):
        inside.world.put_atena("kaigo", [atena("2", gender="男")])
    with pytest.raises(RefusedError, match="二度"):
        inside.world.put_atena("kaigo", [atena("2"), atena("2")])
    with pytest.raises(UnknownError, match="jido_teate"):
        inside.world.put_atena("hoiku", [atena("2")])
    assert [row.atena_no for row in inside.world.atena["kaigo"].full()] == ["1"]
