"""The text documents of the package, XML or CSV by profile: decoded, parsed without entities, item by item."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree  # reads what lxml wrote: another parser on purpose

from conformance.suites.package.findings import Findings
from conformance.suites.package.values import Codes, Value, known_texts, read_value
from interface_spec.profile import Document, Item

_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_DECLARED = re.compile(r"""\s*<\?xml\s[^?]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_BLANK = re.compile(r"\s*")
_SAME = {"utf8": "utf-8", "utf-8": "utf-8", "cp932": "cp932", "windows-31j": "cp932", "ms932": "cp932"}

Row = dict[str, Value]
"""One record: canonical item name → typed value; absent ones are None."""


class _Cell(NamedTuple):
    """One item, prepared: ``plain`` text of at most ``limit`` characters and ``known`` texts need no further look."""

    name: str
    wire: str
    item: Item
    plain: bool
    half_width: bool
    known: Mapping[str, Value]
    limit: int


class Plan:
    """One document of the profile, prepared for reading many packages."""

    def __init__(self, name: str, spec: Document, codes: Codes) -> None:
        self.name, self.spec = name, spec
        self.items: Mapping[str, Item] = spec.items or spec.row
        self.by_wire = {item.wire: item_name for item_name, item in self.items.items()}
        self._row_tags = [spec.row_element, *self.by_wire] if spec.row else []
        self._cells = tuple(
            _Cell(
                item_name,
                item.wire,
                item,
                plain=item.type in ("N", "X"),
                half_width=item.type == "X",
                known=known_texts(item, codes),
                limit=item.length or sys.maxsize,
            )
            for item_name, item in self.items.items()
        )

    def typed(self, number: int, row: Mapping[str, str], codes: Codes, findings: Findings) -> Row:
        """One record (wire name → text) as typed values; ``number`` 0 for a document of single items.

        Text that fits, by far the most, is settled here; everything else by `read_value`.
        """
        typed: Row = {}
        for item_name, wire, item, plain, half_width, known, limit in self._cells:
            text = row.get(wire)
            if text is None and not item.required:
                typed[item_name] = None
            elif (
                text is not None
                and plain
                and len(text) <= limit
                and (not half_width or (text.isascii() and text.isprintable()))
            ):
                typed[item_name] = text
            elif text is not None and text in known:
                typed[item_name] = known[text]
            else:
                place = f"{self.name}[{number}]" if number else self.name
                typed[item_name] = read_value(item, text, codes, place, findings)
        return typed

    def plain_rows(self, root: ElementTree.Element, codes: Codes) -> list[Row] | None:
        """The records of a tree whose rows hold exactly the profile's items in its order, and nothing to remark.

        By far the most documents are such: they are judged column by column. None for any other tree; `typed` judges it.
        """
        elements, width = list(root.iter()), len(self._row_tags)
        if [one.tag for one in elements[1:]] != self._row_tags * len(root) or set(map(len, root)) - {width - 1}:
            return None
        texts = [one.text or "" for one in elements]
        columns: list[Sequence[Value]] = []
        for place, cell in enumerate(self._cells, start=2):
            column = _column(cell, texts[place::width], codes)
            if column is None:
                return None
            columns.append(column)
        return [dict(zip(self.items, values, strict=True)) for values in zip(*columns, strict=True)]


def _column(cell: _Cell, texts: list[str], codes: Codes) -> Sequence[Value] | None:
    """The typed values of one item in all rows; None when one of them is worth a finding."""
    if cell.plain:
        together = "".join(texts) if cell.half_width else ""
        fits = max(map(len, texts), default=0) <= cell.limit and together.isascii() and (together + " ").isprintable()
        return texts if fits else None
    remarks = Findings()
    values: list[Value] = [
        cell.known[text] if text in cell.known else read_value(cell.item, text, codes, "", remarks) for text in texts
    ]
    return None if remarks.counts else values


def read_document(plan: Plan, data: bytes, codes: Codes, findings: Findings) -> list[Row] | None:
    """The records of one document (exactly one when it holds single items). None: findings say why not."""
    name, spec = plan.name, plan.spec
    text = _decoded(name, spec, data, findings)
    if text is None:
        return None
    if spec.container == "csv":
        raw = _csv_rows(plan, text, findings)
    else:
        root = _root(plan, text, findings)
        if root is None:
            return None
        if spec.row and (plain := plan.plain_rows(root, codes)) is not None:
            return plain
        raw = _xml_rows(plan, root, findings)
    if raw is None:
        return None
    if spec.items and len(raw) != 1:
        findings.add("PKG-DOC-STRUCTURE", name, "1行 / one line", f"{len(raw)} 行 / lines")
        return None
    return [plan.typed(number if spec.row else 0, row, codes, findings) for number, row in enumerate(raw, 1)]


def _decoded(name: str, spec: Document, data: bytes, findings: Findings) -> str | None:
    if data[:2] in _WIDE_BOMS:
        findings.add("PKG-DOC-ENCODING", name, spec.encoding, "UTF-16 の BOM / a UTF-16 BOM")
        return None
    marked = data.startswith(_BOM)
    if marked and spec.encoding != "utf-8":
        findings.add("PKG-DOC-ENCODING", name, spec.encoding, "UTF-8 の BOM / a UTF-8 BOM")
        return None
    if marked != spec.bom:
        findings.add(
            "PKG-DOC-BOM",
            name,
            "BOM あり / with BOM" if spec.bom else "BOM なし / no BOM",
            "あり / yes" if marked else "なし / no",
        )
    try:
        text = (data[3:] if marked else data).decode(spec.encoding)
    except UnicodeDecodeError as error:
        findings.add("PKG-DOC-ENCODING", name, spec.encoding, f"{error.start} バイト目が読めない / undecodable byte")
        return None
    if spec.container == "xml":
        declared = _DECLARED.match(text)
        stated = declared[1].lower() if declared else "utf-8"
        if _SAME.get(stated, stated) != spec.encoding:
            findings.add("PKG-DOC-DECLARATION", name, spec.encoding, f"宣言は {stated} / declared")
    if "\0" in text:
        findings.add("PKG-DOC-CONTROL", name, "制御文字なし / no control character", "NUL")
        return None
    return text


def _csv_rows(plan: Plan, text: str, findings: Findings) -> list[dict[str, str]] | None:
    name, by_wire, items = plan.name, plan.by_wire, plan.items
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        findings.add("PKG-DOC-SYNTAX", name, "CSV", str(error))
        return None
    if not plan.spec.header:  # the columns stand in the order of the profile
        lines = [[item.wire for item in items.values()], *lines]
    header = lines[0] if lines else []
    if set(header) != set(by_wire) or len(set(header)) != len(header):
        findings.add("PKG-DOC-STRUCTURE", name, ",".join(by_wire), ",".join(header))
        return None
    rows = []
    for number, line in enumerate(lines[1:], start=1):
        if len(line) != len(header):
            findings.add(
                "PKG-DOC-STRUCTURE", f"{name}[{number}]", f"{len(header)} 列 / columns", f"{len(line)} 列 / columns"
            )
            return None
        cells = zip(header, line, strict=True)
        rows.append({wire: cell for wire, cell in cells if cell or items[by_wire[wire]].required})
    return rows


def _has_doctype(text: str) -> bool:
    """Whether the prolog declares a document type; comments and processing instructions before it are skipped."""
    position = 0 if "<!DOCTYPE" in text else len(text)
    while position < len(text):
        blank = _BLANK.match(text, position)
        position = blank.end() if blank else position
        if text.startswith("<!DOCTYPE", position):
            return True
        closing = {"<?": "?>", "<!": "-->"}.get(text[position : position + 2], "")
        end = text.find(closing, position) if closing else -1
        if end < 0:
            return False
        position = end + len(closing)
    return False


def _parsed(text: str) -> ElementTree.Element:
    """The root; the declared encoding is not believed. A document type was refused before: expat meets no entity."""
    builder = ElementTree.TreeBuilder(insert_comments=True, insert_pis=True)
    parser = ElementTree.XMLParser(target=builder, encoding="utf-8")  # noqa: S314 - see above
    parser.feed(text.encode())
    root: ElementTree.Element = parser.close()
    return root


def _root(plan: Plan, text: str, findings: Findings) -> ElementTree.Element | None:
    """The root element, when the text is well-formed, has no document type and starts with the profile's element."""
    name, spec = plan.name, plan.spec
    if _has_doctype(text):
        findings.add("PKG-DOC-DTD", name, "DTD なし / no document type", "あり / present")
        return None
    try:
        root = _parsed(text)
    except ElementTree.ParseError as error:
        findings.add("PKG-DOC-SYNTAX", name, "整形式のXML / well-formed XML", str(error)[:80])
        return None
    if root.tag != spec.root:
        findings.add("PKG-DOC-STRUCTURE", name, f"<{spec.root}>", f"<{root.tag}>")
        return None
    return root


def _xml_rows(plan: Plan, root: ElementTree.Element, findings: Findings) -> list[dict[str, str]]:
    name, spec, by_wire = plan.name, plan.spec, plan.by_wire
    parents = [root] if spec.items else list(root)
    rows = []
    for number, parent in enumerate(parents, start=1):
        tag: object = parent.tag
        if not isinstance(tag, str):
            findings.add(
                "PKG-DOC-COMMENT", name, "要素だけ / elements only", "注釈か処理命令 / a comment or instruction"
            )
            continue
        if spec.row and parent.tag != spec.row_element:
            findings.add("PKG-DOC-STRUCTURE", f"{name}[{number}]", f"<{spec.row_element}>", f"<{parent.tag}>")
            continue
        rows.append(_cells(name, 0 if spec.items else number, parent, by_wire, findings))
    return rows


def _cells(
    name: str, number: int, parent: ElementTree.Element, by_wire: Mapping[str, str], findings: Findings
) -> dict[str, str]:
    cells = {element.tag: element.text or "" for element in parent}
    if len(cells) == len(parent) and cells.keys() <= by_wire.keys() and not any(map(len, parent)):
        return cells
    cells = {}
    for element in parent:
        tag: object = element.tag
        if isinstance(tag, str) and tag in by_wire and tag not in cells and not len(element):
            cells[tag] = element.text or ""
            continue
        place = f"{name}[{number}]" if number else name
        if not isinstance(tag, str):
            findings.add(
                "PKG-DOC-COMMENT", place, "要素だけ / elements only", "注釈か処理命令 / a comment or instruction"
            )
        elif tag not in by_wire:
            findings.add("PKG-DOC-STRUCTURE", place, " ".join(by_wire), f"<{tag}>")
        elif tag in cells:
            findings.add("PKG-DOC-STRUCTURE", f"{place}.{tag}", "1度 / once", "2度 / twice")
        else:
            findings.add("PKG-DOC-STRUCTURE", f"{place}.{tag}", "文字だけ / text only", "要素がある / holds elements")
    return cells
