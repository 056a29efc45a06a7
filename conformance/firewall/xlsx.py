"""Reads the first sheet of a workbook that a vendor hands in: texts only, entities never resolved, sizes bounded."""

from __future__ import annotations

import io
import re
import zipfile

from lxml import etree

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
MOST_BYTES = 20 << 20
MOST_ROWS = 20000


class XlsxError(ValueError):
    """Not a workbook that can be read; ``str()`` is one sentence."""


def read_xlsx(data: bytes) -> list[list[str]]:
    """The first sheet's rows as texts. Raises XlsxError; entities are never resolved and sizes are bounded."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(one.file_size for one in archive.infolist()) > MOST_BYTES:
                raise XlsxError("XLSX が大きすぎます / the workbook is too large")
            names = archive.namelist()
            sheets = sorted(
                (one for one in names if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", one)), key=lambda n: (len(n), n)
            )
            if not sheets:
                raise XlsxError("XLSX に表がありません / the workbook has no sheet")
            shared = _shared(archive.read("xl/sharedStrings.xml")) if "xl/sharedStrings.xml" in names else []
            return _rows(archive.read(sheets[0]), shared)
    except (zipfile.BadZipFile, etree.XMLSyntaxError, KeyError, IndexError, ValueError) as error:
        if isinstance(error, XlsxError):
            raise
        raise XlsxError(f"XLSX として読めません / not readable as XLSX: {error}") from None


def _parse(data: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    return etree.fromstring(data, parser)


def _shared(data: bytes) -> list[str]:
    return ["".join(t.text or "" for t in item.iter(f"{{{MAIN}}}t")) for item in _parse(data).iter(f"{{{MAIN}}}si")]


def _rows(data: bytes, shared: list[str]) -> list[list[str]]:
    rows: list[list[str]] = []
    for row in _parse(data).iter(f"{{{MAIN}}}row"):
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
                value = "".join(t.text or "" for t in cell.iter(f"{{{MAIN}}}t"))
            cells.append(value.removesuffix(".0") if re.fullmatch(r"\d+\.0", value) else value)
        rows.append(cells)
    return rows


def _column(reference: str) -> int:
    number = 0
    for character in re.match(r"[A-Z]{1,3}", reference)[0]:  # type: ignore[index]
        number = number * 26 + ord(character) - 64
    return number - 1
