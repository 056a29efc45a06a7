"""The list of all procedures, also those that do not pass this configuration."""

from __future__ import annotations

from itertools import groupby

from interface_spec.procedures import Procedure, load_procedures
from testbed.specgen.model import Cell, Page, Section, Table, Text
from testbed.specgen.pages.core import NAMES, procedure_blocks

ZONES = {"mynumber": "利用事務系", "lgwan": "LGWAN接続系", "none": "構成の外"}
SIGNED = {"required": "必要", "optional": "任意", "none": "なし"}


def page() -> Page:
    every = list(load_procedures().values())
    sections = [
        Section(
            "手続の一覧",
            "ichiran",
            (
                Text(
                    "手続IDは、この試験床が付けた変わらない番号。実物の手続IDは公開されておらず、分かる団体が official_id に書く。"
                ),
                Text(
                    "区画は申請データを受け取る場所で、利用事務系はマイナンバー利用事務系のこと。"
                    "LGWAN接続系の手続は、利用事務系に入らない。"
                ),
                *(_table(field, list(ones)) for field, ones in groupby(every, key=lambda one: one.field)),
            ),
        )
    ]
    sections += [
        Section(f"{one.id}　{one.ja}", one.id, procedure_blocks(one), level=3)
        for one in every
        if not one.core_system and not one.outside
    ]
    return Page(
        "tetsuzuki",
        "手続の一覧と様式",
        "手順書 図表2・図表32の手続と、そのデータの行き先",
        tuple(sections),
        group="共通",
    )


def _table(field: str, ones: list[Procedure]) -> Table:
    rows = []
    for one in ones:
        where = f"kikan-{one.core_system.replace('_', '-')}.html#{one.id}" if one.core_system else ""
        rows.append(
            (
                Cell(one.id, link=where or ("" if one.outside else f"#{one.id}")),
                Cell(one.ja, soft=one.outside),
                one.kind,
                one.ministry,
                one.target,
                "" if one.outside else SIGNED[one.signing],
                ZONES[one.zone],
                NAMES.get(one.core_system, one.core_system),
                one.source.removeprefix("手順書1.0 "),
            )
        )
    return Table(("手続ID", "手続", "種別", "所管", "対象", "署名", "区画", "基幹", "出典"), tuple(rows), field)
