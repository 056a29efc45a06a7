"""What a paper is made of, before it is HTML or XLSX. All texts are in the paper's language already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from conformance.messages import Lang

Tone = Literal["", "ok", "bad", "warn", "open", "review", "na", "error"]


@dataclass(frozen=True)
class Cell:
    """One cell; ``tone`` shows it as a coloured tag, its words always say the same."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Column:
    """``width`` in half-width characters (XLSX), and as a share of the page's width."""

    title: str
    width: int


@dataclass(frozen=True)
class Table:
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Sequence[str | Cell], ...]
    note: str = ""


@dataclass(frozen=True)
class Paper:
    """``name`` is its file name without suffix; ``signs`` are titles of boxes to sign or stamp in.

    ``wide``: for many columns; printed in landscape.
    """

    name: str
    title: str
    lang: Lang
    lead: str
    facts: tuple[tuple[str, str | Cell], ...]
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    signs: tuple[str, ...] = ()
    wide: bool = False
    footer: str = ""


def both(lang: Lang, ja: str, en: str) -> str:
    """The wording of ``lang``."""
    return ja if lang == "ja" else en
