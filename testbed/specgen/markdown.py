"""Pages as Markdown, for a repository's own viewer and for diffs."""

from __future__ import annotations

import re

from testbed.specgen.model import Block, Cell, Facts, Figure, Page, Steps, Table, Text


def render(page: Page, edition: str) -> str:
    """The whole file."""
    parts = [f"# {page.title}", page.lead, f"<!-- 自動生成: shinsei spec build（{edition}） -->"]
    for one in page.sections:
        parts += [f'<a id="{one.anchor}"></a>', f"{'#' * one.level} {one.title}", *map(_block, one.blocks)]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case Text(text):
            return _plain(text)
        case Steps(items):
            return "\n".join(f"{number}. {_plain(one)}" for number, one in enumerate(items, 1))
        case Facts(pairs):
            return "\n".join(f"- {_plain(name)}: {_cell(value)}" for name, value in pairs)
        case Figure(_, title, steps):
            return f"**{title}**\n\n" + "\n".join(f"{number}. {one}" for number, one in enumerate(steps, 1))
        case Table(head, rows, caption):
            lines = [f"**{_plain(caption)}**", ""] if caption else []
            lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
            lines += ["| " + " | ".join(_cell(one) for one in row) + " |" for row in rows]
            return "\n".join(lines)


def _cell(cell: str | Cell) -> str:
    if isinstance(cell, str):
        return _plain(cell)
    text = f"`{cell.text.replace('|', chr(92) + '|')}`" if cell.code and cell.text else _plain(cell.text)
    if cell.link:
        text = f"[{text}]({re.sub(r'[.]html(?=#|$)', '.md', cell.link)})"
    return text + (f"<br>{_plain(cell.soft)}" if cell.soft else "")


def _plain(text: str) -> str:
    """Text with the characters escaped that Markdown and its tables would take for themselves."""
    return re.sub(r"([\\|*_<>\[\]])", r"\\\1", text).replace("\n", " ")
