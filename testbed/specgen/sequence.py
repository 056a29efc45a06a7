"""Sequence diagrams as inline SVG: systems side by side in the colours of their zones, calls from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Literal

Zone = Literal["internet", "lgwan", "dmz", "mynumber", "juki"]

FILLS: dict[Zone, tuple[str, str, str]] = {
    "internet": ("#e8f1fe", "#0017c1", "インターネット"),
    "lgwan": ("#e6f5ec", "#197a4b", "LGWAN"),
    "dmz": ("#fff3d6", "#8a6a00", "DMZ"),
    "mynumber": ("#fbe9f3", "#a80055", "マイナンバー利用事務系"),
    "juki": ("#eee8fa", "#5c10be", "住基ネット"),
}
"""Zone → (ground, line, name)."""

FONT = "'Noto Sans JP','Noto Sans CJK JP','Hiragino Sans','Yu Gothic UI','Meiryo',sans-serif"
COLUMN, STEP, TOP, HEAD = 236, 56, 20, 70


@dataclass(frozen=True)
class Actor:
    key: str
    name: str
    zone: Zone


@dataclass(frozen=True)
class Call:
    """One arrow. ``answer``: dashed; ``detail``: the second, smaller line."""

    source: str
    target: str
    text: str
    detail: str = ""
    answer: bool = False


@dataclass(frozen=True)
class Remark:
    """A band over the whole width."""

    text: str


Event = Call | Remark


def width_of(text: str) -> float:
    """Rough width in half-width units: East Asian characters count two."""
    return sum(1.16 if ord(char) < 0x2E80 else 2.0 for char in text)


def in_words(actors: tuple[Actor, ...], events: tuple[Event, ...]) -> tuple[str, ...]:
    """The diagram as sentences."""
    names = {one.key: one.name for one in actors}
    found = []
    for one in events:
        if isinstance(one, Remark):
            found.append(f"（{one.text}）")
        else:
            detail = f" `{one.detail}`" if one.detail else ""
            found.append(f"{names[one.source]} → {names[one.target]}: {one.text}{detail}")
    return tuple(found)


def draw(title: str, actors: tuple[Actor, ...], events: tuple[Event, ...]) -> str:
    """The SVG; one line per element, so that a diff can be read."""
    width = COLUMN * len(actors)
    height = TOP + HEAD + STEP * len(events) + 40
    centre = {one.key: COLUMN * number + COLUMN // 2 for number, one in enumerate(actors)}
    out = [
        f'<svg class="sequence" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}" font-family="{FONT}">',
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 10 5 0 10z" fill="#1a1a1c"/></marker></defs>',
    ]
    for one in actors:
        out += _actor(one, centre[one.key], height)
    for number, event in enumerate(events):
        y = TOP + HEAD + STEP * number + 34
        out += _remark(event, width, y) if isinstance(event, Remark) else _call(event, centre, y)
    return "\n".join([*out, "</svg>"])


def _actor(one: Actor, x: int, height: int) -> list[str]:
    ground, line, zone = FILLS[one.zone]
    left, wide = x - COLUMN // 2 + 10, COLUMN - 20
    return [
        f'<line x1="{x}" y1="{TOP + 54}" x2="{x}" y2="{height - 12}" stroke="{line}" stroke-width="1.5" stroke-dasharray="2 5"/>',
        f'<rect x="{left}" y="{TOP - 10}" width="{wide}" height="60" rx="10" fill="{ground}" stroke="{line}"/>',
        f'<text x="{x}" y="{TOP + 16}" text-anchor="middle" font-size="16" font-weight="700" fill="#1a1a1c">{escape(one.name)}</text>',
        f'<text x="{x}" y="{TOP + 38}" text-anchor="middle" font-size="12" fill="{line}">{escape(zone)}</text>',
    ]


def _call(one: Call, centre: dict[str, int], y: int) -> list[str]:
    start, end = centre[one.source], centre[one.target]
    middle = (start + end) / 2
    dash = ' stroke-dasharray="6 4"' if one.answer else ""
    near = 3 if end > start else -3
    room = max(abs(end - start) - 18, 60)
    size = min(14.0, room / max(width_of(one.text) / 2, 1))
    lines = [
        f'<line x1="{start}" y1="{y}" x2="{end - near}" y2="{y}" stroke="#1a1a1c" stroke-width="1.6"{dash} marker-end="url(#head)"/>',
        f'<text x="{middle:g}" y="{y - 8}" text-anchor="middle" font-size="{size:.4g}" font-weight="600" fill="#1a1a1c" '
        f'stroke="#fff" stroke-width="5" paint-order="stroke">{escape(one.text)}</text>',
    ]
    if one.detail:
        small = min(11.5, room / max(width_of(one.detail) * 0.56, 1))
        lines.append(
            f'<text x="{middle:g}" y="{y + 15}" text-anchor="middle" font-size="{small:.4g}" fill="#626264" '
            f'font-family="\'Noto Sans Mono\',Menlo,Consolas,monospace" stroke="#fff" stroke-width="4" '
            f'paint-order="stroke">{escape(one.detail)}</text>'
        )
    return lines


def _remark(one: Remark, width: int, y: int) -> list[str]:
    size = min(13.0, (width - 60) / max(width_of(one.text) / 2, 1))
    return [
        f'<rect x="12" y="{y - 20}" width="{width - 24}" height="28" rx="6" fill="#f1f1f4" stroke="#d8d8db"/>',
        f'<text x="{width / 2:g}" y="{y - 1}" text-anchor="middle" font-size="{size:.4g}" fill="#1a1a1c">{escape(one.text)}</text>',
    ]
