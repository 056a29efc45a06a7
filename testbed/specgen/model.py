"""What a page is made of, before it is HTML or Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Tone = Literal["", "公開", "二次情報", "推定", "仮定", "必須", "任意"]


@dataclass(frozen=True)
class Cell:
    """One table cell. ``code``: shown in the fixed-width face; ``tone``: shown as a tag of that colour."""

    text: str
    code: bool = False
    tone: Tone = ""
    soft: str = ""
    link: str = ""


Cells = Sequence[str | Cell]


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[Cells, ...]
    caption: str = ""


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Facts:
    """A list of named values."""

    pairs: tuple[tuple[str, str | Cell], ...]


@dataclass(frozen=True)
class Steps:
    items: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """An SVG drawing; ``steps`` say the same in words (Markdown, screen readers)."""

    svg: str
    title: str
    steps: tuple[str, ...]


Block = Table | Text | Facts | Steps | Figure


@dataclass(frozen=True)
class Section:
    title: str
    anchor: str
    blocks: tuple[Block, ...]
    level: Literal[2, 3] = 2


@dataclass(frozen=True)
class Page:
    """One page; ``name`` is its file name without suffix."""

    name: str
    title: str
    lead: str
    sections: tuple[Section, ...]
    kicker: str = "申請連携テストベッド　インターフェース仕様書"
    group: str = field(default="", compare=False)
