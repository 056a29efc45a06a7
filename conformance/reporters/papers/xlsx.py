"""A paper as a workbook: a first sheet with its facts, one sheet a table. Every cell is text, never a formula."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import xlsxwriter
from xlsxwriter.format import Format

from conformance.reporters.cells import LINE_POINTS, lines_of, safe_cell
from conformance.reporters.papers.model import Cell, Paper, Table

COLOURS = {
    "ok": "#197a4b",
    "bad": "#ce0000",
    "warn": "#8a6d00",
    "open": "#8a4a00",
    "review": "#5c10be",
    "na": "#767676",
    "error": "#a80055",
}
_EPOCH = datetime(2026, 1, 1)  # noqa: DTZ001 - a fixed creation time, so that equal input gives equal bytes
_NOT_IN_A_NAME = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
LONGEST_NAME = 31
TALLEST_ROW = 400


def write_paper_xlsx(paper: Paper, path: Path) -> None:
    """Writes the workbook to ``path``. OSError when it cannot be written."""
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with path.open("wb") as file, xlsxwriter.Workbook(file, options) as book:
        book.set_properties({"title": paper.title, "created": _EPOCH})
        writer = _Writer(book)
        writer.cover(paper)
        for number, table in enumerate(paper.tables, 1):
            writer.table(table, number)


class _Writer:
    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        base = {"font_name": "Noto Sans CJK JP", "font_size": 10, "valign": "top", "text_wrap": True}
        box = {**base, "border": 1, "border_color": "#d8d8db"}
        self._plain: Format = book.add_format(base)
        self._cell: Format = book.add_format(box)
        self._head: Format = book.add_format({**box, "bold": True, "bg_color": "#e8e8ff"})
        self._title: Format = book.add_format({**base, "text_wrap": False, "font_size": 16, "bold": True})
        self._tones = {
            tone: book.add_format({**box, "bold": True, "font_color": colour}) for tone, colour in COLOURS.items()
        }

    def _format(self, value: str | Cell) -> Format:
        return self._tones[value.tone] if isinstance(value, Cell) and value.tone else self._cell

    def cover(self, paper: Paper) -> None:
        sheet = self._book.add_worksheet(_sheet_name(paper.title, 0))
        sheet.set_column(0, 0, 28)
        sheet.set_column(1, 1, 76)
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.write_string(0, 0, paper.title, self._title)
        row = 2
        for text in (paper.lead, *paper.notes):
            sheet.merge_range(row, 0, row, 1, safe_cell(text), self._plain)
            sheet.set_row(row, LINE_POINTS * lines_of(text, 104) + 3)
            row += 1
        row += 1
        for name, value in paper.facts:
            words = _text(value)
            sheet.write_string(row, 0, name, self._head)
            sheet.write_string(row, 1, safe_cell(words), self._format(value))
            sheet.set_row(row, LINE_POINTS * lines_of(words, 76) + 3)
            row += 1
        for name in paper.signs:
            sheet.write_string(row, 0, name, self._head)
            sheet.write_blank(row, 1, None, self._cell)
            sheet.set_row(row, 30)
            row += 1
        sheet.write_string(row + 1, 0, safe_cell(paper.footer), self._plain)

    def table(self, table: Table, number: int) -> None:
        sheet = self._book.add_worksheet(_sheet_name(table.title, number))
        for at, column in enumerate(table.columns):
            sheet.set_column(at, at, column.width)
            sheet.write_string(0, at, column.title, self._head)
        for row, cells in enumerate(table.rows, 1):
            pairs = list(zip(cells, table.columns, strict=True))
            tallest = max((lines_of(_text(value), column.width) for value, column in pairs), default=1)
            sheet.set_row(row, min(LINE_POINTS * tallest + 3, TALLEST_ROW))
            for at, (value, _) in enumerate(pairs):
                sheet.write_string(row, at, safe_cell(_text(value)), self._format(value))
        sheet.freeze_panes(1, 1)
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)


def _text(value: str | Cell) -> str:
    return value.text if isinstance(value, Cell) else value


def _sheet_name(title: str, number: int) -> str:
    """A name that Excel takes, and no other sheet has."""
    tail = f" {number}" if number else ""
    return f"{title.translate(_NOT_IN_A_NAME).strip()[: LONGEST_NAME - len(tail)]}{tail}"
