"""One value on the wire against the profile's item: type, length, format, code list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from conformance.suites.package.findings import Findings
from interface_spec.errors import SpecError
from interface_spec.profile import CodeList, Item


class Unreadable:
    """Stands for a value that is there and was reported; never equal to anything."""


UNREADABLE = Unreadable()
Value = str | int | bool | date | datetime | Unreadable | None
Codes = Mapping[str, CodeList]

_SERIAL = {
    "hex-upper": re.compile(r"[0-9A-F]+"),
    "hex-lower": re.compile(r"[0-9a-f]+"),
    "decimal": re.compile(r"[0-9]+"),
}
_SERIAL_BITS = 160
"""RFC 5280 4.1.2.2: at most 20 octets, and not zero."""
_SMALL = {str(number): number for number in range(10)}
_WHOLE = re.compile(r"(0|-?[1-9][0-9]{0,17})")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ISO = {
    "%Y-%m-%d": re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"),
    "%Y-%m-%dT%H:%M:%S%z": re.compile(
        r"[1-9][0-9]{3}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}([+][0-9]{4}|-(?!0000)[0-9]{4})"
    ),
}
"""Formats whose every text of this shape is what ``strftime`` writes again."""
_UNKNOWN_DAY = re.compile(r"\d{4}-\d\d-00|\d{4}-00-00")
_FLAGS = {"json": {"true": True, "false": False}, "0/1": {"1": True, "0": False}}


def known_texts(item: Item, codes: Codes) -> Mapping[str, Value]:
    """The commonest texts of ``item`` with their values: all codes, both flags, one-digit numbers."""
    match item.type:
        case "CODE":
            return {value.wire: canonical for canonical, value in codes[item.codes or ""].values.items()}
        case "BOOL":
            return _FLAGS[item.format or ""]
        case "INT":
            return _SMALL
    return {}


def read_value(item: Item, text: str | None, codes: Codes, place: str, findings: Findings) -> Value:
    """The typed value; None when it is absent, `UNREADABLE` when a finding says what is wrong with it."""
    if text is None or (text == "" and item.type not in ("X", "N")):
        if item.required:
            findings.add("PKG-VALUE-MISSING", _where(item, place), "必須 / required", "なし / absent")
        return None
    if item.length is not None and len(text) > item.length:
        findings.add(
            "PKG-VALUE-LENGTH",
            _where(item, place),
            f"{item.length} 文字以下 / characters",
            f"{len(text)} 文字 / characters",
        )
        return UNREADABLE
    try:
        return _typed(item, text, codes)
    except _Odd as odd:
        rule = odd.rule or "PKG-VALUE-FORMAT"
        shape = text if item.type in ("CODE", "BOOL", "INT") else _shape(text)
        findings.add(rule, _where(item, place), odd.expected, shape)
        return UNREADABLE


def _where(item: Item, place: str) -> str:
    return f"{place}（{item.ja}）"


class _Odd(Exception):
    def __init__(self, expected: str, rule: str = "") -> None:
        super().__init__(expected)
        self.expected, self.rule = expected, rule


def _shape(text: str) -> str:
    """What a value looks like, without being it: letters a, digits 9 (a value may be somebody's)."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", text[:60]))


def _typed(item: Item, text: str, codes: Codes) -> Value:
    match item.type:
        case "X":
            if not text.isascii() or not text.isprintable():
                raise _Odd("半角 / half-width")
            return text
        case "INT":
            if not _WHOLE.fullmatch(text):
                raise _Odd("整数 / a whole number")
            return int(text)
        case "BOOL":
            known = _FLAGS[item.format or ""]
            if text not in known:
                raise _Odd(" | ".join(known))
            return known[text]
        case "CODE":
            for canonical, value in codes[item.codes or ""].values.items():
                if value.wire == text:
                    return canonical
            raise _Odd(f"コード表 {item.codes} / code list", "PKG-VALUE-CODE")
        case "SERIAL":
            return _serial(item, text)
        case "DIGEST":
            if not _DIGEST.fullmatch(text):
                raise _Odd("小文字16進64桁 / 64 lower-case hex digits")
            return text
        case "DATE" | "DATETIME":
            return _moment(item, text)
        case _:
            return text


def _serial(item: Item, text: str) -> int:
    form = item.format or ""
    if not _SERIAL[form].fullmatch(text):
        raise _Odd(form)
    number = int(text, 10 if form == "decimal" else 16)
    if number == 0 or number.bit_length() > _SERIAL_BITS:
        raise _Odd("0 でない 20 オクテット以内の整数 / non-zero, at most 20 octets")
    return number


def _moment(item: Item, text: str) -> date | datetime:
    pattern = item.format or ""
    try:
        parsed = _parsed(text, pattern)
    except ValueError:
        if item.type == "DATE" and pattern == "%Y-%m-%d" and _UNKNOWN_DAY.fullmatch(text):
            raise _Odd(f"{pattern} の実在の日 / a real day", "PKG-VALUE-UNKNOWNDAY") from None
        raise _Odd(pattern) from None
    # Parsers forgive what a writer must not do: missing zeros, blanks, a colon in the offset.
    shape = _ISO.get(pattern)
    if (shape is None or not shape.fullmatch(text)) and parsed.strftime(pattern) != text:
        raise _Odd(pattern)
    if item.type == "DATE":
        return parsed.date()
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=zone(item.zone or "JST"))


def _parsed(text: str, pattern: str) -> datetime:
    """``text`` under ``pattern``; the ISO forms by the much faster parser, since the caller compares the text anyway."""
    if pattern.startswith("%Y-%m-%d"):
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            parsed = None
        if parsed is not None and (parsed.tzinfo is not None) == ("%z" in pattern):
            return parsed
    return datetime.strptime(text, pattern)  # noqa: DTZ007 - the profile's zone is added by the caller


def zone(name: str) -> tzinfo:
    """The zone that a profile names. Raises SpecError for an unknown one."""
    if name in ("JST", "Asia/Tokyo"):
        return timezone(timedelta(hours=9))
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise SpecError("profile", "zone", f"時間帯 {name!r} を知りません / unknown time zone") from None
