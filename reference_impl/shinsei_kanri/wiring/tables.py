"""CSV text, as files of a surface and as documents of the package, read under the profile's names and formats."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence

from interface_spec.profile import Item
from reference_impl.shinsei_kanri.wiring import formats
from reference_impl.shinsei_kanri.wiring.fields import Fields
from reference_impl.shinsei_kanri.wiring.formats import Codes


class TableError(ValueError):
    """The text is no table of this layout; ``str()`` is one sentence."""


def decode(body: bytes, encoding: str) -> str:
    """``body`` as text; a byte order mark is no part of it. Raises TableError."""
    if encoding == "utf-8":
        body = body.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise TableError(f"文字コードが {encoding} ではありません（{error.start} バイト目） / wrong encoding") from None


def read_csv(
    text: str, items: Mapping[str, Item], codes: Codes, *, header: bool, lenient: Collection[str] = ()
) -> Iterator[Fields]:
    """The typed rows of a CSV text. Raises TableError for its columns, FormatError for a value."""
    for row in raw_csv(text, items, header=header):
        yield read_row(row, items, codes, lenient)


def raw_csv(text: str, items: Mapping[str, Item], *, header: bool) -> Iterator[dict[str, str]]:
    """The rows of a CSV text by canonical name. With a header line columns are found by name, else by profile order.

    Raises TableError for a column that is missing, twice or unknown.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = _columns(next(reader, []), items) if header else list(items)
        for row in reader:
            if not row:
                continue
            if len(row) != len(columns):
                raise TableError(f"{reader.line_num} 行目の列数が違います / wrong number of columns")
            yield dict(zip(columns, row, strict=True))
    except csv.Error as error:
        raise TableError(f"CSV として読めません（{reader.line_num} 行目） / not readable as CSV: {error}") from None


def read_row(
    raw: Mapping[str, object], items: Mapping[str, Item], codes: Codes, lenient: Collection[str] = ()
) -> Fields:
    """One row of wire values by canonical name as typed values; unreadable ``lenient`` ones become None.

    Raises FormatError.
    """
    row = Fields(raw)  # type: ignore[arg-type]  # every value is replaced unless it is a text as it stands
    for name, item in items.items():
        value = raw.get(name)
        if item.type in formats.TEXTS and isinstance(value, str):
            continue
        try:
            row[name] = formats.read(item, value, codes)
        except formats.FormatError:
            if name not in lenient:
                raise
            row[name] = None
    return row


def _columns(names: Sequence[str], items: Mapping[str, Item]) -> list[str]:
    known = {item.wire: name for name, item in items.items()}
    if len(set(names)) != len(names):
        raise TableError("見出しに同じ列名が二度あります / a column name stands twice")
    if unknown := [name for name in names if name not in known]:
        raise TableError(f"見出しに知らない列 {unknown[0]!r} があります / unknown column")
    if missing := [item.wire for item in items.values() if item.required and item.wire not in names]:
        raise TableError(f"見出しに列 {missing[0]!r} がありません / missing column")
    return [known[name] for name in names]
