"""The closed table of formats: round trips, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from interface_spec.profile import Item, load_profile
from reference_impl.shinsei_kanri.clock import JST
from reference_impl.shinsei_kanri.wiring import formats
from reference_impl.shinsei_kanri.wiring.formats import FormatError, Value

CODES = load_profile().codes


def item(kind: str, form: str | None = None, **more: Any) -> Item:
    return Item.model_validate({"wire": "w", "ja": "項目", "type": kind, "format": form, **more})


MOMENT = datetime(2026, 11, 1, 0, 30, tzinfo=JST)


@pytest.mark.parametrize(
    ("spec", "value", "wire"),
    [
        (item("SERIAL", "hex-upper"), 0xAB12, "AB12"),
        (item("SERIAL", "hex-lower"), 0xAB12, "ab12"),
        (item("SERIAL", "decimal"), 0xAB12, "43794"),
        (item("DATETIME", "%Y-%m-%dT%H:%M:%S%z"), MOMENT, "2026-11-01T00:30:00+0900"),
        (item("DATETIME", "%Y%m%d%H%M%S", zone="UTC"), MOMENT, "20261031153000"),
        (item("DATETIME", "%Y%m%d%H%M%S", zone="+09:00"), MOMENT, "20261101003000"),
        (item("DATE", "%Y/%m/%d"), date(2026, 2, 3), "2026/02/03"),
        (item("BOOL", "0/1"), True, "1"),
        (item("BOOL", "json"), False, "false"),
        (item("CODE", codes="gender_jpki"), "unknown", "3"),
        (item("INT"), 12, "12"),
        (item("N"), " 髙\r\n𠮷　", " 髙\r\n𠮷　"),
    ],
)
def test_round_trip(spec: Item, value: Value, wire: str) -> None:
    assert formats.write(spec, value, CODES) == wire
    assert formats.read(spec, wire, CODES) == value


@pytest.mark.parametrize("text", ["ab12", "AB12", "00AB12", "ab:12", "0xAB12", " AB 12 "])
def test_spellings_of_one_serial(text: str) -> None:
    assert formats.read(item("SERIAL", "hex-upper"), text, CODES) == 0xAB12


def test_digits_are_read_in_the_base_that_the_profile_says() -> None:
    assert formats.read(item("SERIAL", "hex-upper"), "1234", CODES) == 0x1234
    assert formats.read(item("SERIAL", "decimal"), "1234", CODES) == 1234


@pytest.mark.parametrize(
    ("spec", "wire"),
    [
        (item("SERIAL", "decimal"), "AB"),
        (item("SERIAL", "hex-upper"), "XYZ"),
        (item("SERIAL", "hex-upper"), "１２"),
        (item("INT"), "1.5"),
        (item("INT"), True),
        (item("BOOL", "0/1"), "2"),
        (item("BOOL", "0/1"), True),
        (item("BOOL", "json"), 1),
        (item("CODE", codes="gender_jpki"), "0"),
        (item("DATE", "%Y-%m-%d"), "1950-00-00"),
        (item("DIGEST"), "12"),
        (item("X"), 5),
        (item("X"), None),
        (item("DATE", "%Y-%m-%d"), ""),
    ],
)
def test_what_the_profile_does_not_say_is_refused(spec: Item, wire: object) -> None:
    with pytest.raises(FormatError) as caught:
        formats.read(spec, wire, CODES)
    assert "項目（w）" in str(caught.value)


def test_optional_values_may_be_absent() -> None:
    assert formats.read(item("DATE", "%Y-%m-%d", required=False), "", CODES) is None
    assert formats.read(item("N", required=False), None, CODES) is None
    assert formats.read(item("N", required=False), "", CODES) == ""
    assert formats.write_json(item("INT"), None, CODES) is None


def test_value_of_another_type_is_not_written() -> None:
    with pytest.raises(FormatError):
        formats.write(item("CODE", codes="gender_jpki"), "nonsense", CODES)
    with pytest.raises(FormatError):
        formats.write(item("DATETIME", "%Y%m%d%z"), date(2026, 1, 1), CODES)


def test_moment_without_offset_has_the_items_zone() -> None:
    spec = item("DATETIME", "%Y%m%d%H%M", zone="UTC")
    assert formats.read(spec, "202610311530", CODES) == datetime(2026, 10, 31, 15, 30, tzinfo=UTC)
