"""A directory in memory and a few people, for rules without a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from reference_impl.shinsei_kanri.records import Atena, Basic4, Link, Verification

CORE = "jido_teate"
HANAKO = Atena(
    "J1",
    "R1",
    "髙橋　花子",
    "タカハシ　ハナコ",
    date(1985, 4, 1),
    "female",
    "架空県架空湊市港町一丁目２番３号",
    "resident",
)
TARO = Atena(
    "J2",
    "R2",
    "髙橋　太郎",
    "タカハシ　タロウ",
    date(1983, 9, 9),
    "male",
    "架空県架空湊市港町一丁目２番３号",
    "resident",
)


@dataclass
class Memory:
    """An `identify.Directory`: people are those of `CORE`, others belong to other core systems."""

    people: list[Atena] = field(default_factory=lambda: [HANAKO, TARO])
    rows: list[Link] = field(default_factory=list)
    core_system: str = CORE

    def links(self, serial: int) -> Sequence[Link]:
        return [row for row in self.rows if row.serial == serial]

    def by_juki_number(self, core_system: str, juki_atena_no: str) -> Sequence[Atena]:
        return [one for one in self._of(core_system) if juki_atena_no and one.juki_atena_no == juki_atena_no]

    def by_basic4(self, core_system: str, stated: Basic4) -> Sequence[Atena]:
        return [one for one in self._of(core_system) if one.basic4 == stated]

    def similar(self, core_system: str, stated: Basic4) -> Sequence[Atena]:
        return [one for one in self._of(core_system) if stated.present]

    def _of(self, core_system: str) -> list[Atena]:
        return self.people if core_system == self.core_system else []


def link(serial: int, number: str, state: str = "valid") -> Link:
    return Link(serial, number, date(2024, 1, 1), date(2029, 1, 1), state)


def signed(
    serial: int | None = None, basic4: Basic4 | None = None, result: str = "valid", *, substituted: bool = False
) -> Verification:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    return Verification(result, "", moment, serial, basic4 or Basic4(), name_substituted=substituted)
