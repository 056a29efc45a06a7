"""The topology with each flow's verdict on it (SVG), and the matrix zone × zone for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape

from conformance.firewall.matrix import Cell, Scope, build_matrix
from conformance.firewall.record import PASSED, LabRecord, Seen
from interface_spec.policy import Policy

Mark = Literal["ok", "leak", "closed", "open", "denied", "none"]
"""ok: permitted and works; leak: passed but must be denied; closed: permitted but does not work; denied: as it must be;
open: outside the scope of the 手順書; none: not probed."""

MARKS: dict[Mark, tuple[str, str]] = {
    "ok": ("○", "許可どおり / as permitted"),
    "denied": ("×", "遮断どおり / as denied"),
    "leak": ("!!", "遮断すべきものが通った / passed, must be denied"),
    "closed": ("?!", "許可すべきものが通らない / must pass, does not"),
    "open": ("–", "範囲外 / out of scope"),
    "none": ("·", "未検証 / not probed"),
}
COLOURS: dict[Mark, str] = {
    "ok": "#197a4b", "denied": "#626264", "leak": "#ce0000", "closed": "#c16800", "open": "#949494", "none": "#949494",
}  # fmt: skip
WIDTH, ROW, LEFT, BOX = 980, 118, 30, 140


@dataclass(frozen=True)
class Line:
    """Verdict of everything between two zones, with the first thing that went wrong."""

    source: str
    destination: str
    mark: Mark
    note: str = ""


def _mark(cell: Cell, scope: Scope, seen: Seen) -> Mark:
    match cell.expected(scope):
        case "excluded" | None:
            return "open"
        case "allow":
            return "ok" if seen.cls == "delivered" else "closed"
    return "leak" if seen.cls in PASSED else "denied"


def zone_lines(policy: Policy, record: LabRecord, scope: Scope = "chain") -> list[Line]:
    """One line per ordered pair of zones that hold hosts, worst mark first in importance."""
    order: list[Mark] = ["leak", "closed", "ok", "denied", "open", "none"]
    seen = record.round(scope).cells
    worst: dict[tuple[str, str], Line] = {}
    for cell in build_matrix(policy):
        if cell.destination.startswith("firewall:"):
            continue
        pair = (policy.host[cell.source].zone, policy.host[cell.destination].zone)
        mark: Mark = _mark(cell, scope, seen[cell.number]) if cell.number in seen else "none"
        before = worst.get(pair)
        if before is None or order.index(mark) < order.index(before.mark):
            note = cell.label() if mark in ("leak", "closed") else ""
            worst[pair] = Line(*pair, mark, note)
    return list(worst.values())


def matrix_text(policy: Policy, record: LabRecord, scope: Scope = "chain") -> str:
    """The matrix zone × zone as text with its legend."""
    zones = [name for name in policy.zone if any(one.zone == name for one in policy.host.values())]
    marks = {(line.source, line.destination): line for line in zone_lines(policy, record, scope)}
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
    rows += [f"!! {line.note}" for line in marks.values() if line.note]
    return "\n".join(rows)


def topology_svg(policy: Policy, record: LabRecord | None = None, scope: Scope = "chain") -> str:
    """The zones from LGWAN down to 利用事務系 with the firewalls between them and the permitted flows; leaks in red."""
    order = [
        name
        for kind in ("lgwan", "conn", "transit", "dmz", "mynum")
        for name, z in policy.zone.items()
        if z.kind == kind
    ]
    place = {name: 20 + number * ROW for number, name in enumerate(order)}
    height = 40 + len(order) * ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" font-family="sans-serif" font-size="13">',
        f"<title>{escape(policy.ja)} / {escape(policy.en)}</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="context-stroke"/></marker></defs>',
    ]
    at: dict[str, tuple[int, int]] = {}
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
    parts += _flows(policy, record, scope, at)
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


def _flows(policy: Policy, record: LabRecord | None, scope: Scope, at: dict[str, tuple[int, int]]) -> Iterable[str]:
    seen = record.round(scope).cells if record is not None else {}
    for flow in policy.all_flows:
        cells = [c for c in build_matrix(policy) if (c.source, c.destination, c.port) == (flow.source, flow.destination, flow.port) and c.permitted]  # fmt: skip
        marks = {_mark(cell, scope, seen[cell.number]) for cell in cells if cell.number in seen}
        mark: Mark = "none" if not marks else "closed" if "closed" in marks else "ok"
        yield _arrow(at[flow.source], at[flow.destination], mark, f"{flow.id} {'/'.join(flow.protocol)} {flow.port}")
    leaks: dict[tuple[str, str], Cell] = {}
    for cell in build_matrix(policy):
        if cell.number in seen and cell.destination in at and _mark(cell, scope, seen[cell.number]) == "leak":
            leaks.setdefault((cell.source, cell.destination), cell)
    for (source, destination), cell in leaks.items():
        yield _arrow(at[source], at[destination], "leak", f"{cell.protocol} {cell.port or ''}")


def _arrow(start: tuple[int, int], end: tuple[int, int], mark: Mark, label: str) -> str:
    (x1, y1), (x2, y2) = start, end
    up = y2 < y1
    y1, y2 = (y1 - 20, y2 + 20) if up else (y1 + 20, y2 - 20)
    dash = ' stroke-dasharray="6 4"' if mark == "leak" else ""
    colour = COLOURS[mark]
    middle_x, middle_y = (x1 + x2) // 2, (y1 + y2) // 2
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="2"{dash} marker-end="url(#tip)"/>'
        f'<text x="{middle_x + 6}" y="{middle_y}" fill="{colour}" font-size="11">{escape(label)} {MARKS[mark][0]}</text>'
    )
