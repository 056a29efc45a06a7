"""A vendor's overlay really changes the wire; a profile that does not fit is one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from interface_spec.errors import SpecError
from mock_services.world import RefusedError
from tests.mock_services.support import DANTAI, START, InProcess, atena, in_process, link, meta

ODD = Path(__file__).with_name("odd.toml")


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[InProcess]:
    world = in_process(tmp_path, overlay=ODD)
    yield world
    world.world.recorder.close()


@pytest.fixture
def under(tmp_path: Path) -> Iterator[Callable[[str], InProcess]]:
    """A world under an overlay that is given as text."""
    opened: list[InProcess] = []

    def open_world(text: str) -> InProcess:
        overlay = tmp_path / "overlay.toml"
        overlay.write_text(text, encoding="utf-8")
        opened.append(in_process(tmp_path, overlay=overlay))
        return opened[-1]

    yield open_world
    for world in opened:
        world.world.recorder.close()


def token(odd: InProcess) -> str:
    answer = odd.download().put(
        "/v9/hairu", params={"DANTAI": DANTAI}, headers={"X-Account": "city"}, json={"PW": "open sesame"}
    )
    assert (answer.status_code, answer.json()) == (201, {"expiresIn": 60})
    return answer.headers["X-Token"]


def test_login_moves_to_other_places(odd: InProcess) -> None:
    assert len(token(odd)) == 64
    assert odd.download().post("/api/v1/login", json={}).status_code == 404


def test_list_moves_to_a_posted_body_with_other_formats(odd: InProcess) -> None:
    for number in range(1, 6):
        odd.world.load_application(meta(number), b"Z")
    odd.world.load_application(meta(6, procedure_id="C01"), b"Z")
    answer = odd.download().post(
        "/v9/ichiran/K01",
        params={"KENSU": "50"},
        headers={"X-Auth": f"Bearer {token(odd)}", "X-Offset": "1"},
        json={"JI": "20261010030000", "ITARU": "20261010000000"},
    )
    assert answer.headers["X-Total"] == "5"
    assert [row["UKETSUKE NO"] for row in answer.json()["KEN"]] == ["R0002", "R0003", "R0004"]
    assert answer.json()["KEN"][0]["UKETSUKE_BI"] == "2026年10月10日 03:02"


def test_get_takes_a_number_that_must_be_quoted(odd: InProcess) -> None:
    odd.world.load_application(meta(1, receipt_no="R/1 %"), b"Z")
    answer = odd.download().get("/v9/zip/R%2F1%20%25", headers={"X-Auth": f"Bearer {token(odd)}"})
    assert (answer.status_code, answer.content) == (200, b"Z")


def test_errors_limits_and_lifetime_follow_the_profile(odd: InProcess) -> None:
    headers = {"X-Auth": f"Bearer {token(odd)}"}
    odd.world.set_clock(START + timedelta(seconds=61))
    answer = odd.download().get("/api/v1/statuses", headers=headers)
    assert (answer.status_code, answer.json()) == (403, {"code": "E-T", "message": "だめです"})


def test_the_link_file_changes_encoding_header_line_and_serial(odd: InProcess) -> None:
    odd.world.put_links([link("AB12")])
    answer = odd.link().get("/all.csv", headers={"Authorization": "link-key"})
    assert answer.content == "43794,000000000000001,2024-04-01,31/03/2029,有効\n".encode("cp932")
    assert answer.headers["X-Seq"] == "1"
    looked_up = odd.link().get("/himozuke/v1/shokai?s=ab12", headers={"Authorization": "link-key"})
    assert looked_up.content.startswith(b"AB12,")


def test_person_data_become_json_without_a_key(odd: InProcess) -> None:
    odd.world.put_atena("kaigo", [atena("1", "𠮷田　太郎")])
    answer = odd.atena().get("/atena/v1/zenken", headers={"X-Api-Key": "nobody asks"})
    assert answer.json()["persons"][0]["氏名"] == "𠮷田　太郎"
    assert answer.json()["persons"][0]["住民状態"] == "R"


def test_a_bom_is_written_when_the_profile_says_so(under: Callable[[str], InProcess]) -> None:
    world = under("[surfaces.atena.file]\nbom = true\n")
    assert world.atena().get("/atena/v1/zenken").content.startswith(b"\xef\xbb\xbf\xe6")


def test_a_character_that_the_encoding_has_not_is_named(under: Callable[[str], InProcess]) -> None:
    world = under('[surfaces.atena.file]\nencoding = "cp932"\n')
    with pytest.raises(RefusedError, match=r"氏名: U\+20BB7 は cp932"):
        world.world.put_atena("kaigo", [atena("1", "𠮷田　太郎")])
    world.world.put_atena("kaigo", [atena("1", "吉田　太郎")])
    assert "吉田　太郎".encode("cp932") in world.atena().get("/atena/v1/zenken").content


ITEM = 'ja = "x"\ntype = "X"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f'[surfaces.download.operations.list.row.receipt_n]\nwire = "r"\n{ITEM}', "did you mean receipt_no"),
        (f'[surfaces.handover.operations.ack.request.reslt]\nwire = "r"\n{ITEM}', "did you mean result"),
        ('[surfaces.download.operations.lisst]\nja = "x"\nmethod = "GET"\npath = "/x"\n', "did you mean list"),
        ('[surfaces.link.errors.teapot]\nstatus = 418\ncode = "T"\nmessage = "t"\n', "errors.teapot"),
        ('[surfaces.download]\nauth = "api-key"\n', "surfaces.download.auth"),
        ('[surfaces.download.operations.get]\nbody = "json"\n', "get.body"),
        ('[surfaces.download.operations.list.request.limit]\nplace = "body"\n', "GET に body"),
        ('[surfaces.link.operations.full.response.last_seq]\nplace = "body"\n', "header"),
        ('[surfaces.link.operations.full]\nbody = "json"\n', "rows"),
        ("[limits.list_page]\nvalue = 0\n", "limits.list_page"),
        ('[surfaces.link.operations.diff.row.change]\ncodes = "origin"\n', "codes.origin.upsert"),
        ('[surfaces.download.operations.list.row.size]\ntype = "X"\n', "size.type"),
    ],
)
def test_a_profile_that_does_not_fit_is_one_sentence(
    under: Callable[[str], InProcess], text: str, sentence: str
) -> None:
    with pytest.raises(SpecError, match=sentence) as found:
        under(text)
    assert "\n" not in str(found.value)
