"""Reads a workbook that a vendor hands in: texts only, entities never resolved, sizes bounded."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from lxml import etree

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MOST_BYTES = 20 << 20
MOST_ROWS = 20000


class XlsxError(ValueError):
    """Not a workbook that can be read; ``str()`` is one sentence."""


def read_xlsx(data: bytes) -> list[list[str]]:
    """The first sheet's rows as texts. Raises XlsxError; entities are never resolved and sizes are bounded."""
    with _opened(data) as archive:
        names = archive.namelist()
        sheets = sorted(
            (one for one in names if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", one)), key=lambda n: (len(n), n)
        )
        if not sheets:
            raise XlsxError("XLSX に表がありません / the workbook has no sheet")
        return _rows(archive.read(sheets[0]), _texts(archive))


def read_sheets(data: bytes, *, as_seen: bool = False) -> dict[str, list[list[str]]]:
    """Every sheet's rows by its name, in the workbook's order. Raises XlsxError as `read_xlsx` does.

    ``as_seen``: rows have the numbers that a reader sees, and a cell merged over several rows stands in each of them.
    """
    with _opened(data) as archive:
        places = {
            one.get("Id", ""): one.get("Target", "") for one in _parse(archive.read("xl/_rels/workbook.xml.rels"))
        }
        texts = _texts(archive)
        found: dict[str, list[list[str]]] = {}
        for sheet in _parse(archive.read("xl/workbook.xml")).iter(f"{{{MAIN}}}sheet"):
            place = places[sheet.get(f"{{{RELATED}}}id", "")]
            path = place.removeprefix("/") if place.startswith("/") else f"xl/{place}"
            page = archive.read(path)
            found[sheet.get("name", "")] = (
                _merged(page, _rows(page, texts, gaps=True)) if as_seen else _rows(page, texts)
            )
        return found


@contextmanager
def _opened(data: bytes) -> Iterator[zipfile.ZipFile]:
    """The workbook, bounded; whatever is wrong with it becomes an XlsxError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(one.file_size for one in archive.infolist()) > MOST_BYTES:
                raise XlsxError("XLSX が大きすぎます / the workbook is too large")
            yield archive
    except (zipfile.BadZipFile, etree.XMLSyntaxError, KeyError, IndexError, ValueError) as error:
        if isinstance(error, XlsxError):
            raise
        raise XlsxError(f"XLSX として読めません / not readable as XLSX: {error}") from None


def _texts(archive: zipfile.ZipFile) -> list[str]:
    place = "xl/sharedStrings.xml"
    return _shared(archive.read(place)) if place in archive.namelist() else []


def _parse(data: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    return etree.fromstring(data, parser)


def _shared(data: bytes) -> list[str]:
    return [_text(item) for item in _parse(data).iter(f"{{{MAIN}}}si")]


def _text(item: etree._Element) -> str:
    """The text of a cell without the readings (furigana) that Japanese input leaves beside it."""
    readings = {t for one in item.iter(f"{{{MAIN}}}rPh") for t in one.iter(f"{{{MAIN}}}t")}
    return "".join(t.text or "" for t in item.iter(f"{{{MAIN}}}t") if t not in readings)


def _merged(data: bytes, rows: list[list[str]]) -> list[list[str]]:
    """Fills what is merged over several rows: an empty cell would mean that anything is permitted."""
    for one in _parse(data).iter(f"{{{MAIN}}}mergeCell"):
        first, _, last = one.get("ref", "").partition(":")
        top, bottom = (int(re.sub(r"\D", "", end)) - 1 for end in (first, last or first))
        left, right = _column(first), _column(last or first)
        if not top < bottom < MOST_ROWS or top >= len(rows) or left >= len(rows[top]):
            continue
        for row in rows[top : bottom + 1]:
            row += [""] * (right + 1 - len(row))
            row[left : right + 1] = [rows[top][left]] * (right + 1 - left)
    return rows


def _rows(data: bytes, shared: list[str], *, gaps: bool = False) -> list[list[str]]:
    rows: list[list[str]] = []
    for row in _parse(data).iter(f"{{{MAIN}}}row"):
        if gaps:
            rows += [[] for _ in range(len(rows), min(int(row.get("r", len(rows) + 1)) - 1, MOST_ROWS))]
        if len(rows) >= MOST_ROWS:
            raise XlsxError(f"行が {MOST_ROWS} を超えています / more rows than {MOST_ROWS}")
        cells: list[str] = []
        for cell in row.iter(f"{{{MAIN}}}c"):
            at = _column(cell.get("r", "")) if cell.get("r") else len(cells)
            cells += [""] * (at - len(cells))
            value = cell.findtext(f"{{{MAIN}}}v") or ""
            if cell.get("t") == "s":
                value = shared[int(value)]
            elif cell.get("t") == "inlineStr":
                value = _text(cell)
            cells.append(value.removesuffix(".0") if re.fullmatch(r"\d+\.0", value) else value)
        rows.append(cells)
    return rows


def _column(reference: str) -> int:
    number = 0
    for character in re.match(r"[A-Z]{1,3}", reference)[0]:  # type: ignore[index]
        number = number * 26 + ord(character) - 64
    return number - 1
