"""既存住基 in process: full file, differences, look-up."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from mock_services.models import LinkRecord
from mock_services.world import RefusedError, UnknownError
from tests.mock_services.support import InProcess, link

FULL = ["シリアル番号", "宛名番号", "有効開始日", "有効終了日", "状態"]


def rows(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8"), newline="")))


def test_the_full_file_holds_every_row_and_the_last_number(inside: InProcess) -> None:
    inside.world.put_links([link("0a1", "000000000000007"), link("A2", state="revoked")])
    answer = inside.link().get("/himozuke/v1/zenken")
    assert rows(answer) == [
        FULL,
        ["A1", "000000000000007", "2024-04-01", "2029-03-31", "1"],
        ["A2", "000000000000001", "2024-04-01", "2029-03-31", "2"],
    ]
    assert answer.headers["X-Last-Seq"] == "2"
    assert answer.content.endswith(b"\r\n")


def test_an_empty_table_is_a_header_line(inside: InProcess) -> None:
    answer = inside.link().get("/himozuke/v1/zenken")
    assert rows(answer) == [FULL]
    assert answer.headers["X-Last-Seq"] == "0"


def test_the_differences_follow_every_change_in_order(inside: InProcess) -> None:
    inside.world.put_links([link("A1"), link("A2")])
    inside.world.put_links([link("A1", state="expired"), link("A2")])
    inside.world.delete_links(["A2"])
    answer = inside.link().get("/himozuke/v1/sabun", params={"since": "1"})
    found = rows(answer)
    assert found[0] == ["更新連番", "更新区分", *FULL]
    assert [(row[0], row[1], row[2], row[6]) for row in found[1:]] == [
        ("2", "1", "A2", "1"),
        ("3", "1", "A1", "3"),
        ("4", "9", "A2", "1"),
    ]
    assert answer.headers["X-Last-Seq"] == "4"
    assert len(rows(inside.link().get("/himozuke/v1/sabun", params={"since": "4"}))) == 1


def test_a_reset_deletes_by_differences_and_never_goes_back(inside: InProcess) -> None:
    inside.world.put_links([link("A1")])
    inside.world.reset()
    inside.world.put_links([link("A1")])
    found = rows(inside.link().get("/himozuke/v1/sabun", params={"since": "0"}))
    assert [(row[0], row[1]) for row in found[1:]] == [("1", "1"), ("2", "9"), ("3", "1")]


@pytest.mark.parametrize(
    "query", [{}, {"since": ""}, {"since": "-1"}, {"since": "9"}, {"since": "x"}, {"since": "0", "to": "1"}]
)
def test_a_difference_outside_the_contract_is_a_bad_request(inside: InProcess, query: dict[str, str]) -> None:
    answer = inside.link().get("/himozuke/v1/sabun", params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, "JK0400")


def test_a_look_up_gives_the_row_or_none(inside: InProcess) -> None:
    inside.world.put_links([link("AB12")])
    found = inside.link().get("/himozuke/v1/shokai", params={"serial": "AB12"})
    assert found.json() == {
        "links": [
            {
                "serial": "AB12",
                "atenaBango": "000000000000001",
                "yukoKaishibi": "2024-04-01",
                "yukoShuryobi": "2029-03-31",
                "jotai": "1",
            }
        ]
    }
    assert inside.link().get("/himozuke/v1/shokai", params={"serial": "AB13"}).json() == {"links": []}
    assert inside.link().get("/himozuke/v1/shokai", params={"serial": "ab12"}).status_code == 400


@pytest.mark.parametrize("path", ["/himozuke/v1/zenken", "/himozuke/v1/sabun?since=0", "/himozuke/v1/shokai?serial=A1"])
@pytest.mark.parametrize("key", ["", "wrong", "link-key "])
def test_nothing_is_shown_without_the_key(inside: InProcess, path: str, key: str) -> None:
    answer = inside.link().get(path, headers={"X-Api-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (401, "JK0401")


def test_other_paths_and_methods_are_refused(inside: InProcess) -> None:
    assert inside.link().get("/himozuke/v2/zenken").status_code == 404
    assert inside.link().post("/himozuke/v1/zenken").status_code == 400


def test_a_row_without_wire_form_is_refused_and_nothing_changes(inside: InProcess) -> None:
    for bad in (link("A2", state="asleep"), link("A2", atena_no="1" * 16), link("A2", atena_no="１")):
        with pytest.raises(RefusedError, match="2 件目"):
            inside.world.put_links([link("A1"), bad])
    assert inside.world.links.full() == []
    with pytest.raises(ValueError, match="16進"):
        LinkRecord.model_validate(link("A1").model_dump() | {"serial": "no hex"})


def test_deleting_an_unknown_serial_deletes_nothing(inside: InProcess) -> None:
    inside.world.put_links([link("A1")])
    with pytest.raises(UnknownError, match="A9"):
        inside.world.delete_links(["A1", "A9"])
    assert len(inside.world.links.full()) == 1
