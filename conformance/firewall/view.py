"""What a check of the roles `fw` and `relay` is written with: the record of the lab, read by case, and the few ways to judge it.

A denial counts only when the same probe was delivered while everything was open: otherwise the check is 未検証.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from conformance.events import Evidence
from conformance.firewall.capture import CAPTURE_FILE
from conformance.firewall.matrix import Cell, Scope, build_matrix
from conformance.firewall.record import PASSED, Exchange, LabRecord, Seen
from conformance.kit import fail
from conformance.outcomes import unverified
from interface_spec.policy import Policy

MOST_SHOWN = 6
NO_RELAY = "連携サーバの設定が渡されていない / no configuration of the relay was handed in"
Body = Callable[["LabView"], None]
REGISTRY: dict[str, dict[str, Body]] = {}
"""role → check id → body."""


def _after(seen: Seen) -> str:
    return "" if seen.ms is None else f"（{seen.ms} ms）"


def _without_counts(rule: str) -> str:
    return re.sub(r"\bcounter packets \d+ bytes \d+", "counter", rule)


def lab_check(role: str, check_id: str) -> Callable[[Body], Body]:
    """Marks the body of catalogue entry ``check_id`` of ``role``. Two bodies for one id are refused."""

    def mark(body: Body) -> Body:
        bodies = REGISTRY.setdefault(role, {})
        if check_id in bodies and bodies[check_id].__qualname__ != body.__qualname__:
            raise ValueError(f"{check_id}: stands twice in the suite of {role}")
        bodies[check_id] = body
        return body

    return mark


@dataclass
class LabView:
    """The record of one lab beside its policy. ``evidence`` collects what the running check looked at and found wrong."""

    policy: Policy
    record: LabRecord
    evidence: list[Evidence] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)

    def remark(self, ja: str, en: str) -> None:
        """Something that the reader of a passed check should know."""
        self.remarks.append((ja, en))

    @cached_property
    def matrix(self) -> dict[int, Cell]:
        return {cell.number: cell for cell in build_matrix(self.policy)}

    # ── reading ──

    def played(self, name: str) -> None:
        """Unverified when the round was not carried out."""
        if name not in self.record.rounds:
            relay = name in ("proxy", "proxy-down")
            ja, en = self._why(NO_RELAY if relay else "選ばれていない / not selected")
            raise unverified(f"ラウンド「{name}」が実施されていない: {ja}", f"round '{name}' was not carried out: {en}")

    def _why(self, otherwise: str) -> tuple[str, str]:
        """Why something was not played, Japanese and English: what this machine lacks, or else ``otherwise``."""
        ja, _, en = (self.record.unavailable or otherwise).rpartition(" / ")
        return ja or en, en

    def cells(self, scope: Scope, *cases: str) -> Iterator[tuple[Cell, Seen]]:
        for number, seen in self.record.round(scope).cells.items():
            cell = self.matrix[number]
            if cell.case in cases and cell.expected(scope) is not None:
                yield cell, seen

    def tricks(self, scope: Scope, *cases: str, source: str = "") -> Iterator[tuple[str, Seen]]:
        for name, seen in self.record.round(scope).tricks.items():
            if name.split(" ")[0] in cases and (not source or f" {source}→" in name):
                yield name, seen

    def exchange(self, name: str, round_name: str = "proxy") -> Exchange:
        self.played(round_name)
        found = self.record.round(round_name).exchanges.get(name)
        if found is None:
            ja, en = self._why(NO_RELAY)
            raise unverified(f"事例 {name} が実施されていない: {ja}", f"case {name} was not played: {en}")
        return found

    # ── judging ──

    def nothing_passes(self, scope: Scope, *cases: str) -> None:
        """不適合 when a probe of these cases got through; 未検証 without a delivered control or without probes."""
        self.played(scope)
        found = list(self.cells(scope, *cases))
        if not found:
            raise unverified(
                f"事例 {' '.join(cases)} の通信が試されていない", f"no probe of {' '.join(cases)} was sent"
            )
        self._control_cells([cell for cell, _ in found])
        self._sent([(cell.label(), seen) for cell, seen in found])
        wrong = [(cell, seen) for cell, seen in found if seen.cls in PASSED]
        if wrong:
            self._show_cells(scope, wrong)
            fail(
                f"遮断すべき通信が {len(wrong)} 件通った",
                f"{len(wrong)} probes passed that must be denied",
                case=wrong[0][0].case,
                sent=f"{len(found)} 件 / probes",
                expected="受信側に何も届かない / nothing arrives at the receiver",
                actual="; ".join(f"{cell.label()}（{seen.cls}）" for cell, seen in wrong[:MOST_SHOWN]),
            )

    def everything_passes(self, scope: Scope, *cases: str) -> None:
        """不適合 when a permitted probe did not get its answer."""
        self.played(scope)
        found = [(cell, seen) for cell, seen in self.cells(scope, *cases) if cell.expected(scope) == "allow"]
        if not found:
            raise unverified(
                f"事例 {' '.join(cases)} の通信が試されていない", f"no probe of {' '.join(cases)} was sent"
            )
        self._control_cells([cell for cell, _ in found])
        wrong = [(cell, seen) for cell, seen in found if seen.cls != "delivered"]
        if wrong:
            self._show_cells(scope, wrong)
            fail(
                f"許可すべき通信が {len(wrong)} 件通らない",
                f"{len(wrong)} permitted probes did not get their answer",
                case=wrong[0][0].case,
                sent=f"{len(found)} 件 / probes",
                expected="応答が戻る / the answer returns",
                actual="; ".join(f"{cell.label()}（{seen.cls} {seen.refusal}）" for cell, seen in wrong[:MOST_SHOWN]),
            )

    def tricks_fail(self, scope: Scope, *cases: str, source: str = "") -> None:
        """不適合 when a crafted packet arrived."""
        self.played(scope)
        found = list(self.tricks(scope, *cases, source=source))
        if not found:
            raise unverified(
                f"事例 {' '.join(cases)} の通信が試されていない", f"no packet of {' '.join(cases)} was sent"
            )
        self._control_tricks([name for name, _ in found])
        self._sent(found)
        wrong = [(name, seen) for name, seen in found if seen.cls == "delivered"]
        if wrong:
            self._show_tricks(scope, wrong)
            fail(
                f"細工したパケットが {len(wrong)} 件通った",
                f"{len(wrong)} crafted packets passed",
                case=cases[0],
                sent=f"{len(found)} 件 / packets",
                expected="受信側に何も届かない / nothing arrives at the receiver",
                actual="; ".join(name for name, _ in wrong[:MOST_SHOWN]),
            )

    def tricks_arrive(self, scope: Scope, *cases: str) -> None:
        self.played(scope)
        found = [one for one in self.tricks(scope, *cases) if one[0].split(" ")[-1] in self.policy.families]
        if not found:
            raise unverified(
                f"事例 {' '.join(cases)} の通信が試されていない", f"no packet of {' '.join(cases)} was sent"
            )
        self._control_tricks([name for name, _ in found])
        wrong = [(name, seen) for name, seen in found if seen.cls != "delivered"]
        if wrong:
            self._show_tricks(scope, wrong)
            fail(
                "通すべき通知が届かない",
                "a notice that must pass did not arrive",
                case=cases[0],
                expected="届く / arrives",
                actual="; ".join(f"{name}（{seen.cls}）" for name, seen in wrong[:MOST_SHOWN]),
            )

    # ── controls and evidence ──

    def _control_cells(self, cells: list[Cell]) -> None:
        self.played("control")
        control = self.record.round("control").cells
        bare = [one for one in cells if one.number not in control or control[one.number].cls != "delivered"]
        if bare:
            raise unverified(
                f"すべて開いた状態でも届かない通信があり、遮断を確かめられない: {bare[0].label()}",
                f"no positive control: {bare[0].label()} did not arrive with everything open",
                actual="; ".join(one.label() for one in bare[:MOST_SHOWN]),
            )

    def _control_tricks(self, names: list[str]) -> None:
        self.played("control")
        control = self.record.round("control").tricks
        bare = [one for one in names if one not in control or control[one].cls != "delivered"]
        if bare:
            raise unverified(
                f"すべて開いた状態でも届かないパケットがあり、遮断を確かめられない: {bare[0]}",
                f"no positive control: {bare[0]} did not arrive with everything open",
            )

    @staticmethod
    def _sent(found: list[tuple[str, Seen]]) -> None:
        lost = [name for name, seen in found if seen.cls in ("lost", "not_sent")]
        if lost:
            raise unverified(
                f"最初のファイアウォールにも届いていない通信がある（試験側）: {lost[0]}",
                f"a probe did not even reach the first firewall: {lost[0]}",
            )

    def _show_cells(self, scope: Scope, wrong: list[tuple[Cell, Seen]]) -> None:
        control = self.record.round("control").cells
        for cell, seen in sorted(wrong, key=lambda one: not one[1].rule)[:MOST_SHOWN]:
            self._show(cell.number, scope, cell.source, cell.label(), seen, control.get(cell.number))

    def _show_tricks(self, scope: Scope, wrong: list[tuple[str, Seen]]) -> None:
        control = self.record.round("control").tricks
        for number, (name, seen) in enumerate(sorted(wrong, key=lambda one: not one[1].rule)[:MOST_SHOWN]):
            self._show(100000 + number, scope, name.split(" ")[-2].split("→")[0], name, seen, control.get(name))

    def _in_order(self, source: str, legs: tuple[str, ...]) -> list[str]:
        """Firewall legs nearest to ``source`` first; sniffers do not tell the order of what they saw."""
        home = self.policy.host[source].zone

        def distance(leg: str) -> int:
            firewall, _, interface = leg.partition(":")
            walls = {name: wall for name, wall in self.policy.firewall.items() if name == firewall}
            zones = [zone for wall in walls.values() for zone, one in wall.leg.items() if one.interface == interface]
            return min((len(self.policy.crossing(home, zone) or ()) for zone in zones), default=99)

        return sorted(legs, key=distance)

    def _show(self, number: int, scope: Scope, source: str, what: str, seen: Seen, control: Seen | None) -> None:
        path = " → ".join([source, *self._in_order(source, seen.legs), *seen.arrived])
        lines = [f"観測 / seen: {seen.cls}{_after(seen)}", f"経路 / path: {path}"]
        if seen.refusal:
            lines.append(f"拒否 / refusal: {seen.refusal}")
        if control is not None:
            lines.append(f"対照 / control: {control.cls}{_after(control)}")
        lines += [f"接続表 / connection table: {one}" for one in seen.connections]
        if seen.packets:
            lines.append(f"パケット / packets: {CAPTURE_FILE} {seen.packets}")
        lines += [
            f"計数 / counted: {one.firewall} {one.chain} #{one.handle}: {one.packets} packets, {one.bytes} bytes"
            for one in self.record.round(scope).counters
            if one.rule in _without_counts(seen.rule)
        ]
        if seen.rule:
            lines.append(f"決めた規則 / deciding rule: {seen.rule}")
        self.evidence.append(
            Evidence(
                seq=number, at="", system=scope, operation="probe", peer=source, request=what, response="\n".join(lines)
            )
        )

    def show_exchange(self, one: Exchange) -> None:
        lines = [
            f"応答 / answer: {one.answer or one.error or '(なし / none)'}",
            f"到達 / reached: {' '.join(one.reached) or '-'}",
            f"名前解決 / queries: {'; '.join(one.queries) or '-'}",
            *(f"log: {line}" for line in one.log[:3]),
        ]
        self.evidence.append(
            Evidence(
                seq=len(self.evidence), at="", system="relay", operation=one.id, peer="", request=one.sent,
                response="\n".join(lines),
            )
        )  # fmt: skip
