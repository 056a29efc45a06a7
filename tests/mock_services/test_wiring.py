"""Canonical values to the wire and back, under every form of the closed table."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from interface_spec.errors import SpecError
from interface_spec.profile import Item, load_profile
from mock_services.wiring import Codec, Value, Wire, WireError, canonical_serial, read_record, zone_of
from tests.mock_services.support import JST

CODEC = Codec(load_profile())
NOON = datetime(2026, 10, 10, 12, 0, 5, tzinfo=JST)


def item(**values: object) -> Item:
    return Item.model_validate({"wire": "w", "ja": "試験", **values})


@pytest.mark.parametrize(
    ("spec", "value", "text", "json"),
    [
        (item(type="X"), "R1", "R1", "R1"),
        (item(type="N"), " 𠮷 ", " 𠮷 ", " 𠮷 "),
        (item(type="INT"), 42, "42", 42),
        (item(type="BOOL", format="json"), True, "true", True),
        (item(type="BOOL", format="0/1"), False, "0", "0"),
        (item(type="DATE", format="%Y%m%d"), date(2026, 1, 5), "20260105", "20260105"),
        (item(type="DATETIME", format="%Y-%m-%dT%H:%M:%S%z"), NOON, "2026-10-10T12:00:05+0900", "2026-10-10T12:00:05+0900"),
        (item(type="DATETIME", format="%Y%m%d%H%M%S", zone="UTC"), NOON, "20261010030005", "20261010030005"),
        (item(type="DATETIME", format="%Y/%m/%d %H:%M:%S", zone="Asia/Tokyo"), NOON, "2026/10/10 12:00:05", "2026/10/10 12:00:05"),
        (item(type="CODE", codes="core_result"), "error", "2", "2"),
        (item(type="SERIAL", format="hex-upper"), "AB12", "AB12", "AB12"),
        (item(type="SERIAL", format="hex-lower"), "AB12", "ab12", "ab12"),
        (item(type="SERIAL", format="decimal"), "AB12", "43794", "43794"),
        (item(type="DIGEST"), "a" * 64, "a" * 64, "a" * 64),
    ],
)  # fmt: skip
def test_values_travel_in_their_form_and_come_back(spec: Item, value: Value, text: str, json: Wire) -> None:
    assert CODEC.text(spec, value) == text
    assert CODEC.json(spec, value) == json
    assert CODEC.from_text(spec, text) == value
    assert CODEC.from_json(spec, json) == value


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (item(type="X"), "Ｒ１"),
        (item(type="X", length=2), "R12"),
        (item(type="INT"), "1.0"),
        (item(type="INT"), "０"),
        (item(type="INT"), "007"),
        (item(type="BOOL", format="0/1"), "true"),
        (item(type="DATE", format="%Y-%m-%d"), "2026-1-5"),
        (item(type="DATE", format="%Y-%m-%d"), "２０２６-01-05"),
        (item(type="DATE", format="%Y-%m-%d"), "2026-02-30"),
        (item(type="DATETIME", format="%Y-%m-%dT%H:%M:%S%z"), "2026-10-10T12:00:05"),
        (item(type="CODE", codes="core_result"), "updated"),
        (item(type="SERIAL", format="hex-upper"), "ab12"),
        (item(type="SERIAL", format="decimal"), "AB12"),
        (item(type="DIGEST"), "a" * 63),
    ],
)
def test_text_in_another_form_is_refused(spec: Item, text: str) -> None:
    with pytest.raises(WireError, match=r"^w: "):
        CODEC.from_text(spec, text)


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (item(type="INT"), "42"),
        (item(type="INT"), True),
        (item(type="INT"), 4.2),
        (item(type="X"), 1),
        (item(type="BOOL", format="json"), "true"),
    ],
)
def test_json_of_another_type_is_refused(spec: Item, value: object) -> None:
    with pytest.raises(WireError):
        CODEC.from_json(spec, value)


def test_a_zone_with_colon_or_z_is_the_same_format() -> None:
    spec = item(type="DATETIME", format="%Y-%m-%dT%H:%M:%S%z")
    assert CODEC.from_text(spec, "2026-10-10T12:00:05+09:00") == NOON
    assert CODEC.from_text(spec, "2026-10-10T03:00:05Z") == NOON


def test_a_value_outside_the_code_list_cannot_be_written() -> None:
    with pytest.raises(WireError, match="updated, error"):
        CODEC.text(item(type="CODE", codes="core_result"), "maybe")


def test_serials_have_one_canonical_form() -> None:
    assert canonical_serial("00ab12") == "AB12"
    with pytest.raises(ValueError, match="16進"):
        canonical_serial("xyz")


def test_zones_are_named_or_offsets() -> None:
    assert zone_of(None).utcoffset(NOON) == JST.utcoffset(NOON)
    assert zone_of("UTC") is UTC
    assert zone_of("-03:30").utcoffset(NOON) == -zone_of("+03:30").utcoffset(NOON)  # type: ignore[operator]
    with pytest.raises(SpecError, match="時間帯"):
        zone_of("Mars/Olympus")


def test_a_record_is_read_with_every_breach_named() -> None:
    items = {
        "needed": item(wire="a", type="X"),
        "number": item(wire="b", type="INT"),
        "free": item(wire="c", type="N", required=False),
    }
    record, problems = read_record(CODEC, items, {"b": "x", "d": 1}, is_json=True)
    assert record == {"needed": None, "number": None, "free": None}
    assert [problem.partition(":")[0] for problem in problems] == ["a", "b", "d"]
