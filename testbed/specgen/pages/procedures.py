"""The list of all procedures, also those that do not pass this configuration."""

from __future__ import annotations

from itertools import groupby

from interface_spec.procedures import Procedure, load_procedures
from testbed.specgen.model import Cell, Page, Section, Table, Text
from testbed.specgen.pages.core import NAMES, SIGNING, procedure_blocks

ZONES = {"mynumber": "マイナンバー利用事務系", "lgwan": "LGWAN接続系", "none": "この構成の外"}


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
                one.target,
                "" if one.outside else SIGNING[one.signing],
                ZONES[one.zone],
                NAMES.get(one.core_system, one.core_system),
                one.source,
            )
        )
    return Table(("手続ID", "手続", "種別", "対象", "署名", "受け取る区画", "基幹", "出典"), tuple(rows), field)
