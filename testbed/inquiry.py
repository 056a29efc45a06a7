"""意見照会票: the requirements of each role as an Excel sheet, to be answered by vendors with ◎ ○ △ ×."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import xlsxwriter  # type: ignore[import-untyped,unused-ignore]
from xlsxwriter.format import Format  # type: ignore[import-untyped,unused-ignore]
from xlsxwriter.workbook import Workbook  # type: ignore[import-untyped,unused-ignore]

from conformance.reporters.papers.html import paper_html
from conformance.reporters.papers.model import Column, Paper, Table
from interface_spec.requirements import Requirement

ANSWERS = {
    "◎": "標準機能で対応している",
    "○": "設定または軽い改修で対応できる",
    "△": "代わりの手段で対応できる（備考に書く）",
    "×": "対応できない（備考に理由を書く）",
}
ROLE_NAMES = {
    "fw": "境界FW・LGWAN-FW",
    "relay": "連携サーバ",
    "juki": "既存住基システム",
    "atena": "団体内統合宛名",
    "am": "申請管理システム",
    "core": "基幹システム",
    "package": "申請ZIP",
    "portal": "ぴったりサービス・申請API利用",
    "mun": "団体（自治体）",
}
COLUMNS = (
    ("No.", 5),
    ("要件ID", 15),
    ("条項", 20),
    ("級", 7),
    ("要件", 60),
    ("なぜ要るか", 40),
    ("条件", 24),
    ("試験床での確かめ方", 24),
    ("回答", 7),
    ("対応する製品・版", 20),
    ("対応時期", 14),
    ("費用の有無", 12),
    ("備考（代わりの手段・理由・質問）", 40),
)
PRINTED = (
    ("No.", 9),
    ("要件ID", 20),
    ("条項", 18),
    ("級", 10),
    ("要件", 50),
    ("試験床での確かめ方", 30),
    ("回答", 10),
    ("対応する製品・版", 20),
    ("対応時期", 14),
    ("費用の有無", 14),
    ("備考（代わりの手段・理由・質問）", 34),
)
"""The columns of the page: why and under which condition a requirement stands is left to the workbook."""
FIRST_ANSWER = next(number for number, (name, _) in enumerate(COLUMNS) if name == "回答")
_EPOCH = datetime(2026, 1, 1)  # noqa: DTZ001 - a fixed creation time, so that equal input gives equal bytes


@dataclass(frozen=True)
class RequestForInformation:
    """Role → its requirements, the checks that test each, and the meaning of conditions."""

    sheets: Mapping[str, tuple[Requirement, ...]]
    checks: Mapping[str, list[str]]
    features: Mapping[str, str]


def write_workbook(request: RequestForInformation, path: Path) -> None:
    """One cover sheet and one sheet per role. Raises OSError when the file cannot be written."""
    with path.open("wb") as file, xlsxwriter.Workbook(file, {"strings_to_formulas": False}) as book:
        book.set_properties({"title": "意見照会票", "created": _EPOCH})
        cover(book, request)
        for role, requirements in request.sheets.items():
            role_sheet(book, role, requirements, request)


def write_page(request: RequestForInformation, path: Path) -> None:
    """The same as one page (A4, landscape) to print and fill in by hand. Raises OSError when it cannot be written."""
    columns = tuple(Column(name, width) for name, width in PRINTED)
    tables = []
    for role, requirements in request.sheets.items():
        sources = sorted({one.source for one in requirements})
        rows = tuple(
            (
                str(row),
                one.id,
                one.clause if len(sources) == 1 else f"{one.source} {one.clause}",
                one.level,
                one.ja,
                _told(one, request),
                *[""] * (len(PRINTED) - 6),
            )
            for row, one in enumerate(requirements, 1)
        )
        tables.append(Table(sheet_name(role), columns, rows, f"出典: {'、'.join(sources)}"))
    paper = Paper(
        name=path.stem,
        title="申請連携 意見照会票",
        lang="ja",
        lead="手順書1.0の要件に、製品がどう対応するかを ◎ ○ △ × で答えてください。",
        facts=tuple((name, "") for name in ("事業者名", "製品名・版", "回答者・連絡先", "回答日")),
        notes=tuple(f"{mark}　{meaning}" for mark, meaning in ANSWERS.items()),
        tables=tuple(tables),
        wide=True,
        footer="Excel の票に記入すると、実施の結果と自動で比べられます（shinsei report answers）。",
    )
    path.write_text(paper_html(paper), encoding="utf-8")


def _told(one: Requirement, request: RequestForInformation) -> str:
    """How the testbed finds out: its checks, or why there is none."""
    return " ".join(request.checks.get(one.id, [])) or one.unchecked or "申告"


def _format(book: Workbook, **more: object) -> Format:
    return book.add_format({"font_name": "Yu Gothic", "font_size": 10, "text_wrap": True, "valign": "top", **more})


def cover(book: Workbook, request: RequestForInformation) -> None:
    sheet = book.add_worksheet("表紙")
    big, bold = _format(book, font_size=18, bold=True, text_wrap=False), _format(book, bold=True, bottom=1)
    plain, entry = _format(book), _format(book, border=1, bg_color="#FFFBE6")
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 70)
    sheet.write(0, 0, "申請連携 意見照会票", big)
    sheet.write(
        1,
        0,
        "手順書1.0の要件に、製品がどう対応するかを答えてください。黄色の欄が回答欄です。",
        _format(book, text_wrap=False),
    )
    row = 3
    for name in ("事業者名", "製品名・版", "回答者・連絡先", "回答日"):
        sheet.write(row, 0, name, plain)
        sheet.write_blank(row, 1, None, entry)
        row += 1
    row += 1
    sheet.write(row, 0, "回答", bold)
    sheet.write(row, 1, "意味", bold)
    for mark, meaning in ANSWERS.items():
        row += 1
        sheet.write(row, 0, mark, plain)
        sheet.write(row, 1, meaning, plain)
    row += 2
    sheet.write(row, 0, "シート", bold)
    sheet.write(row, 1, "対象と件数", bold)
    for role, requirements in request.sheets.items():
        row += 1
        sheet.write_url(row, 0, f"internal:'{sheet_name(role)}'!A1", string=sheet_name(role))
        must = sum(one.level == "必須" for one in requirements)
        sheet.write(row, 1, f"{ROLE_NAMES[role]}　{len(requirements)} 件（必須 {must}）", plain)
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def sheet_name(role: str) -> str:
    return f"{role} {ROLE_NAMES[role]}"[:31]


def role_sheet(
    book: Workbook, role: str, requirements: tuple[Requirement, ...], request: RequestForInformation
) -> None:
    sheet = book.add_worksheet(sheet_name(role))
    head = _format(book, bold=True, bg_color="#0017C1", font_color="#FFFFFF", border=1, valign="vcenter")
    plain, entry = _format(book, border=1), _format(book, border=1, bg_color="#FFFBE6")
    for number, (name, width) in enumerate(COLUMNS):
        sheet.set_column(number, number, width)
        sheet.write(0, number, name, head)
    for row, one in enumerate(requirements, 1):
        condition = "、".join(request.features[name] for name in one.features)
        values = (row, one.id, f"{one.source} {one.clause}", one.level, one.ja, one.why, condition, _told(one, request))
        for number, value in enumerate(values):
            sheet.write(row, number, value, plain)
        for number in range(FIRST_ANSWER, len(COLUMNS)):
            sheet.write_blank(row, number, None, entry)
    last = max(len(requirements), 1)
    sheet.data_validation(
        1,
        FIRST_ANSWER,
        last,
        FIRST_ANSWER,
        {"validate": "list", "source": list(ANSWERS), "error_message": "◎ ○ △ × のいずれかを選んでください"},
    )
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, last, len(COLUMNS) - 1)
    sheet.set_landscape()
    sheet.set_paper(8)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
