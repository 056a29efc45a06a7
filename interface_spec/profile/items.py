"""One data item of the contract: its wire name, type, length, place and form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Provenance = Literal["公開", "二次情報", "推定", "仮定"]
PROVENANCES: tuple[Provenance, ...] = ("公開", "二次情報", "推定", "仮定")
ItemType = Literal["X", "N", "INT", "BOOL", "DATE", "DATETIME", "CODE", "SERIAL", "DIGEST"]
"""X half-width text, N any text, INT number, BOOL flag, CODE value of a code list, SERIAL certificate serial, DIGEST SHA-256 hex."""

SERIAL_FORMS = ("hex-upper", "hex-lower", "decimal")
BOOL_FORMS = ("json", "0/1")
DIRECTIVES = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "f": 6, "z": 5, "y": 2, "j": 3, "%": 1}
"""strftime directives that a format may use, each with the characters that it writes."""

_FULL_DATE = ({"Y"}, {"m", "d"})


class Spec(BaseModel):
    """Base of every part of a profile: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def directives(form: str) -> list[str]:
    """The directives of a strftime pattern. ValueError for one outside `DIRECTIVES`."""
    found = re.findall(r"%(.?)", form)
    for one in found:
        if one not in DIRECTIVES:
            known = " ".join(f"%{name}" for name in DIRECTIVES)
            raise ValueError(f"format {form!r} の %{one} は使えません（使えるもの: {known}） / unknown directive")
    return found


def written_length(form: str) -> int:
    """Characters that a strftime pattern writes."""
    return sum(DIRECTIVES[name] for name in directives(form)) + len(re.sub(r"%.", "", form))


class Item(Spec):
    """One data item: where it travels and how it is written.

    ``format`` is a strftime pattern for DATE/DATETIME, one of `SERIAL_FORMS` for SERIAL, of `BOOL_FORMS` for BOOL.
    ``length`` counts characters (never bytes or UTF-16 units).
    """

    wire: str = Field(min_length=1)
    ja: str
    type: ItemType
    length: int | None = Field(default=None, ge=1)
    required: bool = True
    place: Literal["body", "query", "path", "header"] = "body"
    format: str | None = None
    zone: str | None = None
    codes: str | None = None
    provenance: Provenance = "仮定"
    note: str = ""

    @model_validator(mode="after")
    def _format_fits_type(self) -> Self:
        check_form(self.type, self.format, self.zone, self.codes)
        if self.length is not None and (least := self._least()) > self.length:
            raise ValueError(
                f"length {self.length} は、この形で書く {least} 文字より短いです / shorter than what the format writes"
            )
        return self

    def _least(self) -> int:
        """Characters that the item needs at least by its own form."""
        match self.type:
            case "DATE" | "DATETIME":
                return written_length(self.format or "")
            case "DIGEST":
                return 64
        return 1


def check_form(kind: ItemType, form: str | None, zone: str | None, codes: str | None) -> None:
    """ValueError unless format, zone and code list are what the type needs."""
    match kind:
        case "DATE" | "DATETIME":
            if not form or "%" not in form:
                raise ValueError(f"{kind} には strftime 形式の format が必要です / needs a strftime format")
            used = set(directives(form))
            if not (_FULL_DATE[1] <= used and used & {"Y", "y"}) and "j" not in used:
                raise ValueError(f"format {form!r} では日付が決まりません / the format does not tell the day")
            if datetime(2026, 1, 31, 9, 5).strftime(form) == form:  # noqa: DTZ001 - a form, not a moment
                raise ValueError(f"format {form!r} は日時を書きません / writes no time")
            if kind == "DATETIME" and "z" not in used and zone is None:
                raise ValueError("DATETIME の format に %z が無いときは zone が必要です / needs zone without %z")
        case "SERIAL":
            if form not in SERIAL_FORMS:
                raise ValueError(f"SERIAL の format は {', '.join(SERIAL_FORMS)} のいずれかです / not a serial form")
        case "BOOL":
            if form not in BOOL_FORMS:
                raise ValueError(f"BOOL の format は {', '.join(BOOL_FORMS)} のいずれかです / not a flag form")
        case "CODE":
            if codes is None:
                raise ValueError("CODE には codes が必要です / needs codes")


Items = Mapping[str, Item]


def unique_wires(items: Items, what: str) -> None:
    """ValueError when two items of one place share a wire name."""
    seen: dict[tuple[str, str], str] = {}
    for name, item in items.items():
        key = (item.place, item.wire.lower() if item.place == "header" else item.wire)
        if key in seen:
            raise ValueError(
                f"{what}: {seen[key]} と {name} が同じ名前 {item.wire!r} です / two items share one wire name"
            )
        seen[key] = name
