"""The text entries of the package, XML or CSV by profile, as typed values. No entity, no DTD, no network."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence

from lxml import etree

from interface_spec.profile import Document, Item
from reference_impl.shinsei_kanri.records import Content
from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage
from reference_impl.shinsei_kanri.wiring import formats, tables
from reference_impl.shinsei_kanri.wiring.fields import Fields
from reference_impl.shinsei_kanri.wiring.formats import Codes

_DECLARATION = re.compile(r"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']""")
_PARSER = etree.XMLParser(
    encoding="utf-8",
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    dtd_validation=False,
    huge_tree=False,
    remove_comments=False,  # one inside a value would cut it for some readers: `_elements` refuses it
    remove_pis=False,
)


def read_record(
    document: Document, body: Content, codes: Codes, lenient: tuple[str, ...] = ()
) -> tuple[Fields, Fields]:
    """(typed values, raw texts) of a document of single items; unreadable ``lenient`` items are None among the typed.

    Raises RefusedPackage.
    """
    raw = _raw_rows(document, body, document.items)
    if len(raw) != 1:
        raise RefusedPackage(f"{document.ja}: 1 行でなければなりません / must hold exactly one line")
    check_lengths(document, raw, document.items)
    try:
        typed = tables.read_row(raw[0], document.items, codes, lenient)
    except formats.FormatError as error:
        raise RefusedPackage(f"{document.ja}: {error}") from None
    return typed, Fields(raw[0])


def read_rows(document: Document, body: Content, codes: Codes) -> list[Fields]:
    """The typed rows of a document of rows. Raises RefusedPackage."""
    rows = _raw_rows(document, body, document.row)
    check_lengths(document, rows, document.row)
    try:
        return [tables.read_row(raw, document.row, codes) for raw in rows]
    except formats.FormatError as error:
        raise RefusedPackage(f"{document.ja}: {error}") from None


def _raw_rows(document: Document, body: Content, items: Mapping[str, Item]) -> list[dict[str, str]]:
    try:
        text = tables.decode(bytes(body), document.encoding)
        if "\0" in text:
            raise RefusedPackage(f"{document.ja}: NUL 文字があります / holds a NUL character")
        if document.container == "csv":
            return list(tables.raw_csv(text, items, header=document.header))
    except tables.TableError as error:
        raise RefusedPackage(f"{document.ja}: {error}") from None
    check_declaration(text, document)
    root = parse_xml(text, document.ja)
    if root.tag != document.root:
        raise RefusedPackage(f"{document.ja}: 最上位の要素が {document.root} ではありません / wrong root element")
    by_wire = {item.wire: name for name, item in items.items()}
    if document.items:
        return [_elements(root, document, by_wire)]
    rows = []
    for element in root.iterchildren("*"):
        if element.tag != document.row_element:
            raise RefusedPackage(f"{document.ja}: {document.row_element} でない行があります / unknown row element")
        rows.append(_elements(element, document, by_wire))
    return rows


def parse_xml(text: str, what: str) -> etree._Element:
    """The root element. RefusedPackage for a DTD, however harmless, and for anything that is not well-formed."""
    check_no_doctype(text, what)
    try:
        return etree.fromstring(text.encode("utf-8"), _PARSER)
    except etree.XMLSyntaxError:
        raise RefusedPackage(f"{what}: XML として読めません / not well-formed XML") from None


def check_declaration(text: str, document: Document) -> None:
    """RefusedPackage when the XML declaration names another encoding: other readers would see other characters."""
    declared = _DECLARATION.match(text)
    if declared is None:
        return
    try:
        same = codecs.lookup(declared[1]).name == codecs.lookup(document.encoding).name
    except LookupError:
        same = False
    if not same:
        raise RefusedPackage(
            f"{document.ja}: XML宣言の文字コードが {document.encoding} ではありません / another encoding is declared"
        )


def check_lengths(document: Document, rows: Sequence[Mapping[str, str]], items: Mapping[str, Item]) -> None:
    """RefusedPackage for a text longer than the profile allows: nothing is cut in silence."""
    limits = [(name, item, item.length) for name, item in items.items() if item.type in formats.TEXTS and item.length]
    for raw in rows:
        for name, item, most in limits:
            if len(raw.get(name, "")) > most:
                raise RefusedPackage(f"{document.ja}: {item.ja}が {most} 文字を超えています / longer than allowed")


def check_no_doctype(text: str, what: str) -> None:
    """RefusedPackage when the prolog holds a document type declaration: entities are never expanded here."""
    position = 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if text.startswith("<!DOCTYPE", position):
            raise RefusedPackage(f"{what}: DTD（実体宣言）は受け付けません / document type declarations are refused")
        closing = "?>" if text.startswith("<?", position) else "-->" if text.startswith("<!--", position) else ""
        end = text.find(closing, position) if closing else -1
        if end < 0:
            return
        position = end + len(closing)


def _elements(parent: etree._Element, document: Document, by_wire: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for element in parent.iterchildren("*"):  # comments between the elements do not count
        name = by_wire.get(element.tag)
        if name is None:
            raise RefusedPackage(f"{document.ja}: 知らない要素があります / unknown element")
        if name in found:
            raise RefusedPackage(f"{document.ja}: 要素 {element.tag} が二度あります / an element stands twice")
        if len(element):
            raise RefusedPackage(f"{document.ja}: 要素 {element.tag} の中に要素があります / nested element")
        found[name] = element.text or ""
    return found
