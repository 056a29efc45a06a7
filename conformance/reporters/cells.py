"""Text in a spreadsheet's cell: always text, control characters visible, rows as high as their text."""

from __future__ import annotations

from unicodedata import east_asian_width

from conformance.visible import visible

LONGEST_CELL = 30_000
LINE_POINTS = 15


def safe_cell(text: str) -> str:
    """Text as a cell can hold it: control characters visible, cut with a mark when too long."""
    clean = visible(text)
    return clean if len(clean) <= LONGEST_CELL else f"{clean[:LONGEST_CELL]}…"


def lines_of(text: str, width: int) -> int:
    """Lines that ``text`` takes in a column of ``width`` half-width characters; full-width characters count double."""
    found = 0
    for part in text.split("\n"):
        units = sum(2 if east_asian_width(c) in "FWA" else 1 for c in part)
        found += max(1, -(-units // max(width - 1, 1)))
    return found
