"""What a paper is made of, before it is HTML or XLSX. All texts are in the paper's language already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from conformance.messages import Lang

Tone = Literal["", "ok", "bad", "warn", "open", "review", "na", "error"]


LEAST_SHARE = 0.075


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

    @property
    def shares(self) -> list[float]:
        """Percent of the page's width for each column; a short number fits into the narrowest one on A4."""
        least = LEAST_SHARE * sum(one.width for one in self.columns)
        widths = [max(one.width, least) for one in self.columns]
        return [round(100 * one / sum(widths), 1) for one in widths]


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
