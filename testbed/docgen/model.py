"""A reference page before it is Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MARK = "<!-- shinsei docs build が生成する。手で直さない / generated, not edited by hand -->"


@dataclass(frozen=True)
class Entry:
    """One page. ``kind`` is its folder, ``name`` what it is about, ``body`` Markdown below the title."""

    kind: str
    name: str
    ja: str
    en: str
    body: tuple[str, ...]

    @property
    def file(self) -> str:
        """Path below the folder of the reference."""
        return f"{self.kind}/{slug(self.name)}.md"

    def text(self) -> str:
        """The whole page."""
        head = f"# {plain(self.name)}　{plain(self.ja)}" if self.ja else f"# {plain(self.name)}"
        return "\n\n".join(part for part in (head, plain(self.en), MARK, *self.body) if part) + "\n"


def slug(name: str) -> str:
    """A file name: letters, digits, dot, hyphen and underscore only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")


def plain(text: str) -> str:
    """Text with the characters escaped that Markdown would take for itself."""
    return re.sub(r"([\\|*_<>\[\]])", r"\\\1", text).replace("\n", " ")


def facts(*pairs: tuple[str, str]) -> str:
    """A list of named values; empty ones are left out."""
    return "\n".join(f"- {name}: {value}" for name, value in pairs if value)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table; cells are Markdown already."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def link(kind: str, name: str, here: str) -> str:
    """A link from a page of kind ``here`` to the page of ``name``."""
    path = f"{slug(name)}.md" if kind == here else f"../{kind}/{slug(name)}.md"
    return f"[{plain(name)}]({path})"


def shell(*lines: str) -> str:
    """Commands to copy."""
    return "```sh\n" + "\n".join(lines) + "\n```"
