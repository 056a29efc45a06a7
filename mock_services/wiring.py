"""Canonical values to the wire and back, as an interface profile says it (the mocks' own wiring, see docs of the profile).

Canonical: X and N are `str`, INT `int`, BOOL `bool`, DATE `date`, DATETIME an aware `datetime`, CODE the code list's
canonical key, SERIAL upper-case hex without padding, DIGEST lower-case hex. An absent optional value is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import TypeVar, assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from interface_spec.errors import SpecError
from interface_spec.profile import CodeList, Item, Profile
from mock_services.moments import parse_moment

Value = str | int | date | datetime | None
Wire = str | int | None
Record = dict[str, Value]
_T = TypeVar("_T")

JST = timezone(timedelta(hours=9), "JST")
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")
_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)  # beyond 64 bits nothing is a count
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_SERIAL = {
    "hex-upper": re.compile(r"[0-9A-F]{1,128}"),
    "hex-lower": re.compile(r"[0-9a-f]{1,128}"),
    "decimal": re.compile(r"[0-9]{1,128}"),
}


class WireError(ValueError):
    """One value breaks the profile; ``str()`` names the wire name and what was expected, never the value."""

    def __init__(self, wire: str, problem: str) -> None:
        self.wire = wire
        super().__init__(f"{wire}: {problem}")


def zone_of(name: str | None) -> tzinfo:
    """The zone of a time format; Japan's when the profile names none. SpecError when there is no such zone."""
    match name:
        case None | "Asia/Tokyo" | "JST":
            return JST
        case "UTC" | "Z":
            return UTC
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise SpecError("profile", f"zone={name!r}", "知らない時間帯です / unknown time zone") from None


def canonical_serial(text: str) -> str:
    """A hex serial in canonical form; ValueError when it is no hex number."""
    if _SERIAL["hex-upper"].fullmatch(text.upper()) is None:
        raise ValueError("シリアル番号は16進の文字です / a serial is hexadecimal text")
    return f"{int(text, 16):X}"


_HALF_WIDTH = re.compile("[ -~\uff61-\uff9f]*")


class Codec:
    """Writes and reads single items under the code lists of one profile."""

    def __init__(self, profile: Profile) -> None:
        self._codes: Mapping[str, CodeList] = profile.codes
        for _, item in profile.items():
            zone_of(item.zone)

    def text(self, item: Item, value: Value) -> str:
        """The value as text (query, path, header, CSV); None is the empty text."""
        if value is None:
            return ""
        match item.type:
            case "X" | "N" | "DIGEST":
                return str(value)
            case "INT":
                return str(int(_expect(item, value, int)))
            case "BOOL":
                flag = bool(_expect(item, value, int))
                return str(int(flag)) if item.format == "0/1" else ("true" if flag else "false")
            case "DATE":
                return _expect(item, value, date).strftime(item.format or "")
            case "DATETIME":
                moment = _expect(item, value, datetime)
                try:
                    return moment.astimezone(zone_of(item.zone)).strftime(item.format or "")
                except OverflowError:
                    raise WireError(item.wire, "表せない日時です / date out of range") from None
            case "CODE":
                codes = self._codes[item.codes or ""].values
                if value not in codes:
                    raise WireError(item.wire, f"コード表に無い値です（{', '.join(codes)}） / not in the code list")
                return codes[str(value)].wire
            case "SERIAL":
                number = int(str(value), 16)
                return {"hex-upper": f"{number:X}", "hex-lower": f"{number:x}"}.get(item.format or "", str(number))
            case _:
                assert_never(item.type)

    def json(self, item: Item, value: Value) -> Wire:
        """The value as JSON scalar: INT a number, BOOL in form ``json`` true/false, all else text; None is null."""
        if value is None:
            return None
        if item.type == "INT" or (item.type == "BOOL" and item.format == "json"):
            return _expect(item, value, int)
        return self.text(item, value)

    def from_json(self, item: Item, value: object) -> Value:
        """Read a JSON scalar. WireError when type or form differ."""
        if value is None:
            return None
        if item.type == "INT":
            if isinstance(value, bool) or not isinstance(value, int):
                raise WireError(item.wire, "JSON の整数ではありません / not a JSON integer")
            return value
        if item.type == "BOOL" and item.format == "json":
            if not isinstance(value, bool):
                raise WireError(item.wire, "JSON の true/false ではありません / not a JSON boolean")
            return value
        if not isinstance(value, str):
            raise WireError(item.wire, "JSON の文字列ではありません / not a JSON string")
        return self.from_text(item, value)

    def from_text(self, item: Item, text: str) -> Value:
        """Read text. The empty text is None for everything but X and N. WireError when the form differs."""
        if item.length is not None and len(text) > item.length:
            raise WireError(item.wire, f"{item.length} 文字を超えています / longer than {item.length} characters")
        match item.type:
            case "N":
                return text
            case "X":
                if _HALF_WIDTH.fullmatch(text) is None:
                    raise WireError(item.wire, "半角ではない文字があります / not half-width")
                return text
        if text == "":
            return None
        match item.type:
            case "INT":
                if _INT.fullmatch(text) is None:
                    raise WireError(item.wire, "整数ではありません / not an integer")
                return int(text)
            case "BOOL":
                forms = {"1": True, "0": False} if item.format == "0/1" else {"true": True, "false": False}
                if text not in forms:
                    raise WireError(item.wire, f"{'・'.join(forms)} のいずれでもありません / not a flag")
                return forms[text]
            case "DATE":
                return self._moment(item, text).date()
            case "DATETIME":
                moment = self._moment(item, text)
                return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone_of(item.zone))
            case "CODE":
                for key, code in self._codes[item.codes or ""].values.items():
                    if code.wire == text:
                        return key
                raise WireError(item.wire, "コード表に無い値です / not in the code list")
            case "SERIAL":
                if _SERIAL[item.format or ""].fullmatch(text) is None:
                    raise WireError(item.wire, f"{item.format} の形ではありません / not in form {item.format}")
                return f"{int(text, 10 if item.format == 'decimal' else 16):X}"
            case "DIGEST":
                if _DIGEST.fullmatch(text) is None:
                    raise WireError(item.wire, "SHA-256 の16進64文字ではありません / not a SHA-256 in hex")
                return text.lower()
            case _:
                assert_never(item.type)

    @staticmethod
    def _moment(item: Item, text: str) -> datetime:
        form = item.format or ""
        try:
            return parse_moment(form, text)
        except ValueError:
            raise WireError(item.wire, f"形式 {form} ではありません / not in format {form}") from None

    def as_on_the_wire(self, item: Item, value: Value) -> Value:
        """The value after a round trip: cut to the precision that the format carries."""
        return self.from_text(item, self.text(item, value))


def _expect(item: Item, value: Value, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise WireError(item.wire, f"{kind.__name__} が要ります / needs {kind.__name__}")
    return value


def read_record(
    codec: Codec, items: Mapping[str, Item], found: Mapping[str, object], *, is_json: bool, closed: bool = True
) -> tuple[Record, list[str]]:
    """Read ``found`` (wire name → value) into canonical names, with every breach of the profile as one sentence each.

    ``closed``: wire names that the profile does not know are breaches too.
    """
    record: Record = {}
    problems: list[str] = []
    for name, item in items.items():
        value = found.get(item.wire)
        try:
            record[name] = codec.from_json(item, value) if is_json else _from_optional_text(codec, item, value)
        except WireError as error:
            record[name] = None
            problems.append(str(error))
            continue
        if item.required and (item.wire not in found or record[name] is None or (item.type == "X" and value == "")):
            problems.append(f"{item.wire}: 必須の項目がありません / required item is missing")
    if closed:
        known = {item.wire for item in items.values()}
        problems += [f"{name}: 知らない項目です / unknown item" for name in _unknown(found, known)]
    return record, problems


def _from_optional_text(codec: Codec, item: Item, value: object) -> Value:
    return None if value is None else codec.from_text(item, str(value))


def _unknown(found: Iterable[str], known: set[str]) -> list[str]:
    return [name for name in found if name not in known]
