"""The smallest useful part of XLSX: plain sheets in, plain sheets out. Standard library and lxml, no formulas ever.

Every cell is written as an inline string, so that a text that begins with ``=`` stays a text.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

from lxml import etree

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
MOST_BYTES = 20 << 20
MOST_ROWS = 20000
STAMP = (2020, 1, 1, 0, 0, 0)
Rows = Sequence[Sequence[str]]


class XlsxError(ValueError):
    """Not a workbook that can be read; ``str()`` is one sentence."""


def write_xlsx(sheets: dict[str, Rows], widths: Sequence[int] = ()) -> bytes:
    """A workbook with one sheet per entry; the first row of each is the heading. Bytes depend on the content alone."""
    names = list(sheets)
    entries = {
        "[Content_Types].xml": _content_types(len(names)),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _workbook(names),
        "xl/_rels/workbook.xml.rels": _relations(
            [*(("worksheet", f"worksheets/sheet{n + 1}.xml") for n in range(len(names))), ("styles", "styles.xml")]
        ),
        "xl/styles.xml": _styles(),
        **{f"xl/worksheets/sheet{n + 1}.xml": _sheet(sheets[name], widths) for n, name in enumerate(names)},
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in entries.items():
            archive.writestr(zipfile.ZipInfo(name, STAMP), text.encode("utf-8"), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _head(text: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{text}'


def _content_types(count: int) -> str:
    base = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n + 1}.xml" ContentType="{base}.worksheet+xml"/>'
        for n in range(count)
    )
    return _head(
        f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{base}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{base}.styles+xml"/>{parts}</Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    rows = "".join(
        f'<Relationship Id="rId{n + 1}" Type="{RELS}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets)
    )
    return _head(f'<Relationships xmlns="{PACKAGE}/relationships">{rows}</Relationships>')


def _workbook(names: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name="{escape(name, {chr(34): "&quot;"})[:31]}" sheetId="{n + 1}" r:id="rId{n + 1}"/>'
        for n, name in enumerate(names)
    )
    return _head(f'<workbook xmlns="{MAIN}" xmlns:r="{RELS}"><sheets>{sheets}</sheets></workbook>')


def _styles() -> str:
    wrap = '<alignment vertical="top" wrapText="1"/>'
    return _head(
        f'<styleSheet xmlns="{MAIN}"><fonts count="2"><font><sz val="10"/><name val="Yu Gothic"/></font>'
        '<font><b/><sz val="10"/><name val="Yu Gothic"/></font></fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
        '<fill><patternFill patternType="solid"><fgColor rgb="FFE8F1FE"/></patternFill></fill></fills>'
        '<borders count="2"><border/><border><left style="thin"/><right style="thin"/><top style="thin"/><bottom style="thin"/></border></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2">'
        f'<xf fontId="0" borderId="1" applyAlignment="1">{wrap}</xf>'
        f'<xf fontId="1" fillId="2" borderId="1" applyAlignment="1">{wrap}</xf></cellXfs></styleSheet>'
    )


def _sheet(rows: Rows, widths: Sequence[int]) -> str:
    columns = "".join(f'<col min="{n + 1}" max="{n + 1}" width="{w}" customWidth="1"/>' for n, w in enumerate(widths))
    body = "".join(
        f'<row r="{r + 1}">'
        + "".join(
            f'<c r="{_letter(c)}{r + 1}" t="inlineStr" s="{1 if r == 0 else 0}"><is><t xml:space="preserve">{escape(_clean(text))}</t></is></c>'
            for c, text in enumerate(row)
        )
        + "</row>"
        for r, row in enumerate(rows)
    )
    return _head(
        f'<worksheet xmlns="{MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView></sheetViews>'
        f"{f'<cols>{columns}</cols>' if columns else ''}<sheetData>{body}</sheetData></worksheet>"
    )


def _clean(text: str) -> str:
    return "".join(c for c in text if c >= " " or c in "\t\n")


def _letter(column: int) -> str:
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


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
