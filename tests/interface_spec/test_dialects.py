"""Dialects on both sides, and the optional status update of the simulated download function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from interface_spec.errors import SpecError
from interface_spec.profile import Profile, load_profile
from mock_services.dialects import check_dialects as check_server
from reference_impl.shinsei_kanri.dialects import Plain, dialect_of
from reference_impl.shinsei_kanri.dialects import check_dialects as check_client
from reference_impl.shinsei_kanri.dialects.cursor import CursorPaging
from reference_impl.shinsei_kanri.wiring import calls
from tests.interface_spec.overlays import ODD, laid_over
from tests.mock_services.support import START, InProcess, in_process, meta, window

CURSOR = '[surfaces.download]\ndialect = "cursor-paging"\n[limits.list_page]\nvalue = 2\n'


@contextmanager
def world(folder: Path, text: str) -> Iterator[InProcess]:
    overlay = folder / "overlay.toml"
    overlay.write_text(text, encoding="utf-8")
    opened = in_process(folder, overlay=overlay)
    yield opened
    opened.world.recorder.close()


def test_the_server_gives_cursors_and_refuses_offsets(tmp_path: Path) -> None:
    with world(tmp_path, CURSOR) as odd:
        for number in range(1, 6):
            odd.world.load_application(meta(number), b"Z")
        client, seen, cursor = odd.logged_in(), [], ""
        for _ in range(3):
            asked = window() | ({"cursor": cursor} if cursor else {})
            page = client.get("/api/v1/applications", params=asked).json()
            seen += [row["receiptNo"] for row in page["items"]]
            cursor = page.get("nextCursor", "")
        assert seen == ["R0001", "R0002", "R0003", "R0004", "R0005"]
        assert cursor == ""
        for wrong in ({"offset": "2"}, {"cursor": "2"}, {"cursor": "cG9z"}, {"cursor": "é"}):
            answer = client.get("/api/v1/applications", params=window() | wrong)
            assert (answer.status_code, answer.json()["code"]) == (400, "DL0400"), wrong
        assert client.get("/api/v1/statuses", params=window()).status_code == 200


def call(profile: Profile, offset: int) -> calls.Call:
    values: dict[str, Any] = {
        "received_from": START,
        "received_to": START,
        "procedure_id": "K01",
        "offset": offset,
        "limit": 2,
    }
    return calls.build(profile.operation("download", "list"), values, profile.codes)


@pytest.mark.parametrize("overlay", [None, ODD])
def test_the_client_sends_back_the_cursor_of_the_page_before(tmp_path: Path, overlay: Path | None) -> None:
    profile = load_profile("baseline", overlay) if overlay else laid_over(tmp_path, CURSOR)
    items = profile.dialects["cursor-paging"].items
    dialect = dialect_of(profile, "download")
    assert isinstance(dialect, CursorPaging)
    first, second = call(profile, 0), call(profile, 2)
    offset = profile.operation("download", "list").request["offset"].wire

    def carried(one: calls.Call) -> dict[str, Any]:
        return {**one.query, **one.headers, **(one.body or {})}

    assert offset not in carried(dialect.from_plain("list", first))
    answer = httpx.Response(200, json={"items": [], items["next_cursor"].wire: "page-2"})
    assert dialect.to_plain("list", first, answer) is answer
    assert carried(dialect.from_plain("list", second))[items["cursor"].wire] == "page-2"
    assert items["cursor"].wire not in carried(dialect.from_plain("list", first))
    dialect.to_plain("list", second, httpx.Response(200, json={"items": []}))
    assert items["cursor"].wire not in carried(dialect.from_plain("list", second))
    other = calls.Call("GET", "/elsewhere", {"offset": "3"})
    assert dialect.from_plain("get", other) is other


def test_without_a_dialect_the_contract_is_spoken_as_it_stands() -> None:
    profile = load_profile()
    plain, asked = dialect_of(profile, "download"), call(profile, 4)
    assert isinstance(plain, Plain)
    assert plain.from_plain("list", asked) is asked


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            '[surfaces.download]\ndialect = "cursor-paging"\n[dialects.cursor-paging]\n{side} = "no.such.module:X"\n',
            "dialects",
        ),
        (
            '[surfaces.download]\ndialect = "cursor-paging"\n[dialects.cursor-paging]\n{side} = "json:Nothing"\n',
            "dialects",
        ),
        (
            '[surfaces.handover]\ndialect = "mine"\n[dialects.mine]\nja = "x"\nen = "x"\nsurface = "handover"\n'
            'operations = ["list"]\nserver = "json:JSONDecoder"\nclient = "json:JSONDecoder"\n',
            "surfaces.handover.dialect",
        ),
    ],
)
def test_a_dialect_that_cannot_be_had_is_one_sentence(tmp_path: Path, text: str, place: str) -> None:
    for side, check in (("server", check_server), ("client", check_client)):
        folder = tmp_path / side
        folder.mkdir()
        with pytest.raises(SpecError, match=place) as found:
            check(laid_over(folder, text.replace("{side}", side)))
        assert "\n" not in str(found.value)


def test_the_status_update_is_there_only_where_a_profile_declares_it(tmp_path: Path) -> None:
    declared = "[surfaces.download.operations.status_update]\ndeclared = true\n"
    for text, status in (("", 404), (declared, 200)):
        folder = tmp_path / str(status)
        folder.mkdir()
        with world(folder, text) as one:
            one.world.load_application(meta(1), b"Z")
            client = one.logged_in()
            assert client.put("/api/v1/statuses/R0001", json={"status": "30"}).status_code == status
            shown = client.get("/api/v1/statuses", params=window()).json()["items"]
            assert shown == [{"receiptNo": "R0001", "status": "30" if text else "10"}]
            if text:
                assert client.put("/api/v1/statuses/R0009", json={"status": "30"}).status_code == 404
                assert client.put("/api/v1/statuses/R0001", json={"status": "77"}).status_code == 400
