"""Pages as HTML: one file each, nothing loaded from elsewhere, good on A4 paper; the look of the conformance report."""

from __future__ import annotations

from html import escape
from pathlib import Path

from testbed.specgen.model import Block, Cell, Facts, Figure, Page, Section, Steps, Table, Text

STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
TONES = {"公開": "open", "二次情報": "second", "推定": "inferred", "仮定": "assumed", "必須": "must", "任意": "may"}


def render(page: Page, pages: tuple[Page, ...], edition: str) -> str:
    """The whole file."""
    nav = "".join(f'<a href="#{one.anchor}">{escape(one.title)}</a>\n' for one in page.sections if one.level == 2)
    side = _side(page, pages)
    body = "\n".join(_section(one) for one in page.sections)
    return f"""<!DOCTYPE html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(page.title)} — 申請連携テストベッド</title>
<style>
{STYLE}</style>
</head>
<body>
<a class="skip" href="#main">本文へ</a>
<div class="frame">
<nav class="side" aria-label="文書 / documents">
<p class="brand">申請連携<br>インターフェース仕様書</p>
{side}</nav>
<div class="page">
<header>
<p class="kicker">{escape(page.kicker)}</p>
<h1>{escape(page.title)}</h1>
<p class="lead">{escape(page.lead)}</p>
<nav class="inside" aria-label="この文書の目次 / contents">
{nav}</nav>
</header>
<main id="main">
{body}
</main>
<footer>{escape(edition)}　このページは自動生成されたものです（shinsei spec build）。実物とのバイト互換を主張しません。</footer>
</div>
</div>
</body>
</html>
"""


def _side(page: Page, pages: tuple[Page, ...]) -> str:
    lines, group = [], ""
    for one in pages:
        if one.group != group:
            group = one.group
            lines.append(f'<p class="group">{escape(group)}</p>')
        lines.append(f'<a href="{one.name}.html"{_current(one, page)}>{escape(one.title)}</a>')
    return "\n".join(lines)


def _current(one: Page, page: Page) -> str:
    return ' aria-current="page"' if one.name == page.name else ""


def _section(one: Section) -> str:
    blocks = "\n".join(_block(block) for block in one.blocks)
    return (
        f'<section id="{escape(one.anchor)}">\n<h{one.level}>{escape(one.title)}</h{one.level}>\n{blocks}\n</section>'
    )


def _block(block: Block) -> str:
    match block:
        case Text(text):
            return f"<p>{escape(text)}</p>"
        case Steps(items):
            return "<ol>\n" + "\n".join(f"<li>{escape(one)}</li>" for one in items) + "\n</ol>"
        case Facts(pairs):
            rows = "\n".join(f"<dt>{escape(name)}</dt><dd>{_cell(value)}</dd>" for name, value in pairs)
            return f'<dl class="facts">\n{rows}\n</dl>'
        case Figure(svg, title, steps):
            words = "\n".join(f"<li>{escape(one)}</li>" for one in steps)
            return (
                f"<figure>\n{svg}\n<figcaption>{escape(title)}</figcaption>\n"
                f"<details><summary>図の内容を文字で読む</summary><ol>\n{words}\n</ol></details>\n</figure>"
            )
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in table.head)
    rows = "\n".join("<tr>" + "".join(f"<td>{_cell(one)}</td>" for one in row) + "</tr>" for row in table.rows)
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    return f'<div class="scroll" tabindex="0"><table>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>'


def _cell(cell: str | Cell) -> str:
    if isinstance(cell, str):
        return escape(cell)
    text = escape(cell.text)
    if cell.tone:
        text = f'<span class="tag {TONES[cell.tone]}">{text}</span>'
    elif cell.code and cell.text:
        text = f"<code>{text}</code>"
    if cell.link:
        text = f'<a href="{escape(cell.link)}">{text}</a>'
    return text + (f'<span class="soft">{escape(cell.soft)}</span>' if cell.soft else "")
