"""The topology with each flow's verdict on it (SVG), and the matrix zone × zone for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

from conformance.firewall.marks import MARKS, FlowMark, Mark, flow_marks, zone_lines
from conformance.firewall.record import LabRecord
from interface_spec.policy import Policy

COLOURS: dict[Mark, str] = {
    "ok": "#197a4b", "denied": "#626264", "leak": "#ce0000", "closed": "#c16800", "open": "#949494", "none": "#949494",
}  # fmt: skip
ZONE_ORDER = ("lgwan", "conn", "transit", "dmz", "mynum")
LABEL_PLACES = (0.5, 0.3, 0.7, 0.15, 0.85)
BETWEEN, SWING = 34, 120
CELL = 26
LISTED = 20
Place = tuple[int, int]
Label = tuple[int, int, int, int]
WIDTH, ROW, LEFT, BOX = 980, 118, 30, 140


def matrix_text(policy: Policy, record: LabRecord) -> str:
    """The matrix zone × zone as text with its legend."""
    zones = [name for name in policy.zone if any(one.zone == name for one in policy.host.values())]
    marks = {(line.source, line.destination): line for line in zone_lines(policy, record)}
    width = max(len(name) for name in zones) + 2
    rows = [" " * width + "".join(name.ljust(width) for name in zones) + "← 宛先 / to"]
    for source in zones:
        cells = [
            "" if source == there else MARKS[marks[(source, there)].mark][0] if (source, there) in marks else ""
            for there in zones
        ]
        rows.append(source.ljust(width) + "".join(one.ljust(width) for one in cells))
    rows.append("")
    rows += [f"{name}: {policy.zone[name].ja} / {policy.zone[name].en}" for name in zones]
    rows += [f"{mark}  {text}" for mark, text in MARKS.values()]
    rows += [f"{MARKS[line.mark][0]} {line.note}" for line in marks.values() if line.note]
    return "\n".join(rows)


def topology_text(policy: Policy, record: LabRecord | None = None) -> str:
    """The zones with the firewalls that join them, then each flow with its verdict: the diagram for a terminal."""
    order = [name for kind in ZONE_ORDER for name, zone in policy.zone.items() if zone.kind == kind]
    walls = sorted(policy.firewall.items(), key=lambda one: min(order.index(zone) for zone in one[1].leg))
    spans = [[order.index(zone) for zone in wall.leg] for _, wall in walls]
    names = "  ".join(f"[{n}] {wall.ja} / {wall.en}" for n, (_, wall) in enumerate(walls, 1))
    rows = [names, "  ".join(f"[{n}]" for n in range(1, len(walls) + 1))]
    for number, name in enumerate(order):
        rail = "".join(" ●━━ " if number in s else " │   " if min(s) < number < max(s) else "     " for s in spans)
        rows.append(f"{rail}{policy.zone[name].ja} {policy.zone[name].v4}")
        below = "".join(" │   " if min(s) <= number < max(s) else "     " for s in spans)
        hosts = [f"{one} {host.ja}" for one, host in policy.host.items() if host.zone == name]
        rows.append(f"{below}  {'  '.join(hosts)}".rstrip())
    rows.append("")
    for one in flow_marks(policy, record):
        sign, words = MARKS[one.mark]
        rows.append(f"{sign:<3} {one.source:>3} → {one.destination:<4} {one.what}  {words}")
    return "\n".join(rows)


def topology_svg(policy: Policy, record: LabRecord | None = None) -> str:
    """The zones from LGWAN down to 利用事務系 with the firewalls between them and the permitted flows; leaks in red."""
    order = [name for kind in ZONE_ORDER for name, zone in policy.zone.items() if zone.kind == kind]
    place = {name: 20 + number * ROW for number, name in enumerate(order)}
    holding = [name for name in order if any(one.zone == name for one in policy.host.values())]
    leaks = [one for one in flow_marks(policy, record) if one.mark == "leak"]
    height = 130 + len(order) * ROW + len(holding) * CELL + (30 + len(leaks) * LISTED if leaks else 0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" font-family="sans-serif" font-size="13">',
        f"<title>{escape(policy.ja)} / {escape(policy.en)}</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="context-stroke"/></marker></defs>',
    ]
    at: dict[str, Place] = {}
    for name in order:
        zone = policy.zone[name]
        y = place[name]
        parts.append(
            f'<rect x="{LEFT}" y="{y}" width="{WIDTH - 2 * LEFT}" height="{ROW - 34}" rx="6" fill="#f8f8fb" stroke="#b3b3b3"/>'
        )
        parts.append(f'<text x="{LEFT + 8}" y="{y + 18}" font-weight="bold">{escape(zone.ja)}</text>')
        parts.append(f'<text x="{LEFT + 8}" y="{y + 36}" fill="#626264" font-size="11">{zone.v4}</text>')
        hosts = [one for one, host in policy.host.items() if host.zone == name]
        for number, one in enumerate(hosts):
            column = number + (3 if zone.kind == "conn" else 0)  # beside the way of the permitted flows
            x = LEFT + 190 + column * (BOX + 10)
            at[one] = (x + BOX // 2, y + 42)
            parts.append(f'<rect x="{x}" y="{y + 22}" width="{BOX}" height="40" rx="4" fill="#fff" stroke="#626264"/>')
            parts.append(f'<text x="{x + 6}" y="{y + 39}" font-size="12">{escape(policy.host[one].ja[:12])}</text>')
            parts.append(f'<text x="{x + 6}" y="{y + 55}" fill="#626264" font-size="10">{policy.host[one].v4}</text>')
    parts += _walls(policy, place)
    at |= {f"firewall:{name}": spot for name, spot in _bars(policy, place).items()}
    parts += _flows(policy, record, at)
    parts += _legend(36 + len(order) * ROW)
    parts += _grid(policy, record, 84 + len(order) * ROW)
    parts += _listed(policy, leaks, 140 + len(order) * ROW + len(holding) * CELL)
    parts.append("</svg>")
    return "\n".join(parts)


def _walls(policy: Policy, place: dict[str, int]) -> Iterable[str]:
    """Each firewall as a bar beside the zones that it joins."""
    for number, wall in enumerate(policy.firewall.values()):
        ys = [place[zone] for zone in wall.leg]
        x = WIDTH - LEFT - 70 + number * 40
        top, bottom = min(ys) + 20, max(ys) + ROW - 54
        yield f'<line x1="{x}" y1="{top}" x2="{x}" y2="{bottom}" stroke="#0017c1" stroke-width="7"/>'
        yield f'<text x="{x - 6}" y="{top - 4}" text-anchor="end" fill="#0017c1" font-weight="bold">{escape(wall.ja)}</text>'
        for y in ys:
            yield f'<circle cx="{x}" cy="{y + 42}" r="6" fill="#fff" stroke="#0017c1" stroke-width="2"/>'


def _bars(policy: Policy, place: dict[str, int]) -> dict[str, Place]:
    """The middle of each firewall's bar."""
    tops = {name: [place[zone] + 42 for zone in wall.leg] for name, wall in policy.firewall.items()}
    return {name: (WIDTH - LEFT - 70 + n * 40, (min(ys) + max(ys)) // 2) for n, (name, ys) in enumerate(tops.items())}


def _flows(policy: Policy, record: LabRecord | None, at: dict[str, Place]) -> Iterable[str]:
    marks = flow_marks(policy, record)
    places = _anchors([(one.source, one.destination) for one in marks], at)
    labels: list[Label] = []
    number = 0
    for one, (start, end) in zip(marks, places, strict=True):
        others = [place for name, place in at.items() if name not in (one.source, one.destination)]
        bend = _bend(start, end, others)
        number += one.mark == "leak"
        words = f"{MARKS[one.mark][0]}{number}" if one.mark == "leak" else f"{MARKS[one.mark][0]} {one.what}"
        label = _label(words, start, end, bend, [*labels, *_boxes(at)])
        labels.append(label)
        yield _arrow(start, end, one.mark, bend)
        yield _words(label, words, COLOURS[one.mark])


def _boxes(at: dict[str, Place]) -> list[Label]:
    return [(x - BOX // 2, y - 20, BOX, 40) for x, y in at.values()]


def _label(words: str, start: Place, end: Place, bend: int, taken: list[Label]) -> Label:
    """Where the words of an arrow stand: beside it, and on nothing else as far as there is room."""
    wide = sum(12 if ord(one) > 0x2000 else 7 for one in words) + 8
    found: list[Label] = []
    for side in (4, -wide - 4):
        for share in LABEL_PLACES:
            x = start[0] + (end[0] - start[0]) * share - bend * 3 * share * (1 - share)
            y = start[1] + (end[1] - start[1]) * (share if not bend else share * share * (3 - 2 * share))
            found.append((round(x) + side, round(y) - 12, wide, 16))
    return next((one for one in found if not any(_meet(one, other) for other in taken)), found[0])


def _meet(one: Label, other: Label) -> bool:
    return all(one[k] < other[k] + other[k + 2] and other[k] < one[k] + one[k + 2] for k in (0, 1))


def _anchors(pairs: list[tuple[str, str]], at: dict[str, Place]) -> list[tuple[Place, Place]]:
    """Both ends of every arrow, side by side along the edge of a box that several arrows share."""
    sides: dict[tuple[str, bool], list[tuple[int, int]]] = {}
    for number, (source, destination) in enumerate(pairs):
        for which, (own, far) in enumerate(((source, destination), (destination, source))):
            sides.setdefault((own, at[far][1] < at[own][1]), []).append((number, which))
    found: dict[tuple[int, int], Place] = {}
    for (own, upward), ends in sides.items():
        ends.sort(key=lambda end: _slot(at[own], at[pairs[end[0]][1 - end[1]]]))
        for place, end in enumerate(ends):
            room = 0 if own.startswith("firewall:") else min(BETWEEN, BOX / len(ends))
            x = at[own][0] + round((place - (len(ends) - 1) / 2) * room)
            found[end] = (x, at[own][1] + (-20 if upward else 20))
    return [(found[(number, 0)], found[(number, 1)]) for number in range(len(pairs))]


def _slot(own: Place, far: Place) -> int:
    """Order along an edge: by where the arrow leads; one that must swing around what is straight ahead comes first."""
    return -1 if own[0] == far[0] and abs(own[1] - far[1]) > 3 * ROW else far[0]


def _bend(start: Place, end: Place, others: Iterable[Place]) -> int:
    """How far to the left an arrow swings so that it does not run through another machine's box."""
    for x, y in others:
        for step in range(1, 20):
            here = [round(a + (b - a) * step / 20) for a, b in zip(start, end, strict=True)]
            if abs(here[0] - x) < BOX // 2 and abs(here[1] - y) < 24:
                return SWING
    return 0


def _arrow(start: Place, end: Place, mark: Mark, bend: int) -> str:
    (x1, y1), (x2, y2) = start, end
    dash = ' stroke-dasharray="6 4"' if mark in ("leak", "denied") else ""
    path = f"M{x1} {y1}C{x1 - bend} {y1} {x2 - bend} {y2} {x2} {y2}" if bend else f"M{x1} {y1}L{x2} {y2}"
    return f'<path d="{path}" fill="none" stroke="{COLOURS[mark]}" stroke-width="2"{dash} marker-end="url(#tip)"/>'


def _words(label: Label, words: str, colour: str) -> str:
    x, y, wide, high = label
    return (
        f'<rect x="{x}" y="{y}" width="{wide}" height="{high}" rx="3" fill="#fff" fill-opacity="0.92"/>'
        f'<text x="{x + 4}" y="{y + 12}" fill="{colour}" font-size="12" font-weight="bold">{escape(words)}</text>'
    )


def _listed(policy: Policy, leaks: Sequence[FlowMark], y: int) -> Iterable[str]:
    """What the red arrows are, by the numbers on them."""

    def name(end: str) -> str:
        wall = {f"firewall:{one}": wall.ja for one, wall in policy.firewall.items()}
        return wall.get(end) or policy.host[end].ja

    if leaks:
        yield f'<text x="{LEFT + 8}" y="{y}" font-weight="bold">通ったもの / what passed</text>'
    for number, one in enumerate(leaks, 1):
        words = f"{MARKS['leak'][0]}{number} {name(one.source)} → {name(one.destination)}: {one.what}"
        colour = COLOURS["leak"]
        yield f'<text x="{LEFT + 8}" y="{y + number * LISTED}" font-size="12" fill="{colour}">{escape(words)}</text>'


def _legend(y: int) -> Iterable[str]:
    shown: tuple[Mark, ...] = ("ok", "denied", "leak", "closed", "open", "none")
    for number, mark in enumerate(shown):
        sign, words = MARKS[mark]
        x, row = LEFT + 8 + number % 3 * 310, y + number // 3 * 20
        yield f'<text x="{x}" y="{row}" font-size="12" fill="{COLOURS[mark]}"><tspan font-weight="bold">{sign}</tspan> {escape(words)}</text>'


def _grid(policy: Policy, record: LabRecord | None, y: int) -> Iterable[str]:
    """The matrix zone × zone: from the zone of the row to the zone of the column."""
    zones = [n for kind in ZONE_ORDER for n, z in policy.zone.items() if z.kind == kind]
    zones = [name for name in zones if any(one.zone == name for one in policy.host.values())]
    lines = zone_lines(policy, record or LabRecord(policy=policy.id))
    marks = {(line.source, line.destination): line.mark for line in lines}
    left, wide = LEFT + 190, 160
    yield f'<text x="{LEFT + 8}" y="{y}" font-weight="bold">ゾーン間の判定 / zone × zone</text>'
    for column, there in enumerate(zones):
        yield f'<text x="{left + column * wide}" y="{y + 20}" font-size="12" fill="#626264">→ {escape(policy.zone[there].ja)}</text>'
    for row, here in enumerate(zones, 1):
        top = y + 20 + row * CELL
        yield f'<line x1="{LEFT}" y1="{top - 17}" x2="{WIDTH - LEFT}" y2="{top - 17}" stroke="#d9d9d9"/>'
        yield f'<text x="{LEFT + 8}" y="{top}" font-size="12">{escape(policy.zone[here].ja)} →</text>'
        for column, there in enumerate(zones):
            mark = marks.get((here, there))
            if mark is not None:
                yield f'<text x="{left + column * wide + 8}" y="{top}" font-weight="bold" fill="{COLOURS[mark]}">{MARKS[mark][0]}</text>'
