"""Reads the files that a product exports: CSV, TSV or JSON rows, column by column as target.toml maps them.

What stands in the files is hostile: every read is bounded, and whatever does not fit is one AdapterProblem naming file,
line and column.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from conformance.adapters.base import AdapterProblem
from conformance.adapters.settings import Column, Exported, FilesChoice
from conformance.visible import one_line

LARGEST_FILE = 64 * 1024 * 1024
MOST_ROWS = 1_000_000
DELIMITERS = {"csv": ",", "tsv": "\t"}
csv.field_size_limit(16 * 1024 * 1024)

Row = Mapping[str, str]


class Rows:
    """The rows of one exported file, read by the names of the control interface."""

    def __init__(self, name: str, table: Exported, rows: list[Row]) -> None:
        self._name, self._table, self.rows = name, table, rows

    def has(self, field: str) -> bool:
        return field in self._table.columns

    def text(self, number: int, field: str) -> str:
        """The value of ``field`` in row ``number``; "" when it is not mapped. AdapterProblem for a value that is not mapped."""
        column = self._table.columns.get(field)
        if column is None:
            return ""
        return translated(column, self.rows[number].get(column.column, ""), self._place(number, field))

    def number(self, number: int, field: str, default: int) -> int:
        if not self.has(field):
            return default
        value = self.text(number, field)
        try:
            return int(value) if len(value) < 20 else int("x")
        except ValueError:
            raise self._wrong(number, field, value, "整数ではありません", "is no integer") from None

    def moment(self, number: int, field: str) -> datetime:
        value = self.text(number, field)
        try:
            return self._table.columns[field].moment(value)
        except ValueError:
            raise self._wrong(number, field, value, "日時として読めません（format と zone を見直す）", "is no date and time (see format and zone)") from None  # fmt: skip

    def several(self, number: int, field: str) -> list[str]:
        """Several values of one cell."""
        value = self.text(number, field)
        column = self._table.columns.get(field)
        if column is None or not value:
            return []
        return [one.strip() for one in value.split(column.separator)] if column.separator else [value]

    def of(self, receipt_no: str) -> list[int]:
        """Numbers of the rows of one application."""
        return [number for number in range(len(self.rows)) if self.text(number, "receipt_no") == receipt_no]

    def _place(self, number: int, field: str) -> str:
        return f"{self._table.file} {number + 1} 行目の {field} / row {number + 1}, {field}"

    def _wrong(self, number: int, field: str, value: str, ja: str, en: str) -> AdapterProblem:
        shown = one_line(value, 60)
        return AdapterProblem(self._place(number, field), f"「{shown}」は{ja}", f"'{shown}' {en}")


def translated(column: Column, value: str, place: str) -> str:
    """What the product wrote as the control interface says it."""
    if column.const:
        return column.const
    if not column.values:
        return value
    if value not in column.values:
        shown, known = one_line(value, 60), "・".join(column.values)
        raise AdapterProblem(
            place,
            f"「{shown}」は values にありません（あるもの: {known}）",
            f"'{shown}' is not among values ({known})",
        )
    return column.values[value]


def read_rows(folder: Path, name: str, table: Exported, choice: FilesChoice) -> Rows:
    """The rows of export ``name``. AdapterProblem when it is missing, too large, unreadable, or lacks a column."""
    place = f"adapter.files.export.{name}"
    path = folder / table.file
    data = read_bounded(path, folder, place)
    try:
        text = data.decode(choice.encoding)
    except (UnicodeDecodeError, UnicodeError):
        raise AdapterProblem(
            place,
            f"{table.file} を {choice.encoding} として読めません（adapter.files.encoding を見直す）",
            f"{table.file} is not {choice.encoding} (see adapter.files.encoding)",
        ) from None
    return parse_rows(text, name, table, choice, place)


def parse_rows(text: str, name: str, table: Exported, choice: FilesChoice, place: str) -> Rows:
    """The rows of a text. AdapterProblem when it is none of the format, or lacks a column."""
    header, rows = _json(text, table, place) if choice.format == "json" else _csv(text, choice.format, table, place)
    for field, column in table.columns.items():
        if column.column and column.column not in header and (rows or header):
            known = "・".join(one_line(one, 40) for one in header[:40])
            raise AdapterProblem(
                f"{place}.columns.{field}",
                f"{table.file} に列「{column.column}」がありません（あるもの: {known}）",
                f"{table.file} has no column '{column.column}' ({known})",
            )
    return Rows(name, table, rows)


def read_bounded(path: Path, folder: Path, place: str) -> bytes:
    """The bytes of a regular file that lies in ``folder``, also after following links. AdapterProblem otherwise."""
    shown = one_line(path.name, 80)
    try:
        real, inside = path.resolve(strict=True), folder.resolve(strict=True)
        if not real.is_relative_to(inside) or not real.is_file():
            raise AdapterProblem(
                place, f"{shown} は {folder} の中のファイルではありません", f"{shown} is no file inside {folder}"
            )
        with real.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise AdapterProblem(
            place, f"{folder / shown} を読めません（{cause}）", f"{folder / shown} cannot be read ({cause})"
        ) from None
    if len(data) > LARGEST_FILE:
        raise AdapterProblem(
            place, f"{shown} が {LARGEST_FILE} バイトを超えています", f"{shown} exceeds {LARGEST_FILE} bytes"
        )
    return data


def _csv(text: str, kind: str, table: Exported, place: str) -> tuple[list[str], list[Row]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=DELIMITERS[kind], restval="")
    rows: list[Row] = []
    try:
        for row in reader:
            if None in row:
                raise AdapterProblem(
                    place,
                    f"{table.file} の {reader.line_num} 行目に、見出しより多い列があります",
                    f"{table.file}, line {reader.line_num}: more cells than headings",
                )
            rows.append(row)
            _not_too_many(rows, table, place)
    except csv.Error as error:
        raise AdapterProblem(
            place,
            f"{table.file} の {reader.line_num} 行目を読めません（{error}）",
            f"{table.file}, line {reader.line_num}: {error}",
        ) from None
    return list(reader.fieldnames or []), rows


def _json(text: str, table: Exported, place: str) -> tuple[list[str], list[Row]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, list) or not all(isinstance(one, dict) for one in document):
        raise AdapterProblem(
            place, f"{table.file} はオブジェクトの配列ではありません", f"{table.file} is no JSON array of objects"
        )
    rows: list[Row] = [{str(key): _word(value) for key, value in one.items()} for one in document]
    _not_too_many(rows, table, place)
    return sorted({key for row in rows for key in row}), rows


def _word(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _not_too_many(rows: list[Row], table: Exported, place: str) -> None:
    if len(rows) > MOST_ROWS:
        raise AdapterProblem(
            place, f"{table.file} が {MOST_ROWS} 行を超えています", f"{table.file} exceeds {MOST_ROWS} rows"
        )
