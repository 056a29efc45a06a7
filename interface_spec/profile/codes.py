"""Code lists, limits and timings."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from interface_spec.profile.items import Provenance, Spec

Weekday = Literal["月", "火", "水", "木", "金", "土", "日"]


class CodeValue(Spec):
    wire: str
    ja: str


class CodeList(Spec):
    """Canonical value → value on the wire and its Japanese name."""

    ja: str
    provenance: Provenance = "仮定"
    values: dict[str, CodeValue] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        seen: dict[str, str] = {}
        for name, value in self.values.items():
            if value.wire in seen:
                raise ValueError(
                    f"{seen[value.wire]} と {name} が同じ値 {value.wire!r} です / one wire value stands for two meanings"
                )
            seen[value.wire] = name
        return self


class Limit(Spec):
    value: int = Field(ge=1)
    unit: str
    ja: str
    provenance: Provenance = "仮定"


class Timing(Spec):
    """When something happens: every so many seconds, at given times of day, or within a window of the day.

    Times of day are Japanese time, ``HH:MM``; a window may end on the next morning.
    """

    ja: str
    kind: Literal["interval", "daily", "window"]
    seconds: int | None = Field(default=None, ge=1)
    at: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    days: tuple[Weekday, ...] = Field(default=(), description="empty: every day")
    provenance: Provenance = "仮定"
    note: str = ""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        given = {"interval": self.seconds is not None, "daily": bool(self.at), "window": bool(self.start and self.end)}
        if [name for name, has in given.items() if has] != [self.kind]:
            raise ValueError(
                "kind が interval なら seconds、daily なら at、window なら start と end だけを書きます / give what the kind needs"
            )
        for clock in (*self.at, *filter(None, (self.start, self.end))):
            hour, _, minute = clock.partition(":")
            if not (hour.isdigit() and minute.isdigit() and len(clock) == 5 and int(hour) < 24 and int(minute) < 60):
                raise ValueError(f"時刻 {clock!r} は 08:30 の形で書きます / write a time like 08:30")
        return self
