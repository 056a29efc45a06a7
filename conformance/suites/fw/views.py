"""How several checks of the role `fw` look at the chain, at a reload and at a start."""

from __future__ import annotations

from conformance.firewall.matrix import Scope
from conformance.firewall.record import PASSED
from conformance.firewall.view import LabView
from conformance.kit import fail
from conformance.outcomes import unverified

TRICKS = (
    "FW-D16", "FW-P01", "FW-P02", "FW-P03", "FW-P04", "FW-P05", "FW-P06", "FW-P07", "FW-P08", "FW-P10", "FW-P11",
    "FW-P12", "FW-P14",
)  # fmt: skip
DENIED = (
    "FW-D01", "FW-D02", "FW-D03", "FW-D04", "FW-D05", "FW-D06", "FW-D07", "FW-D08", "FW-D09", "FW-D10", "FW-D11",
    "FW-D12", "FW-D13", "FW-D14", "FW-D15", "FW-D16", "FW-M01", "FW-M02",
)  # fmt: skip


IDLE_SECONDS = 300
COUNTED_SECONDS = 2
"""The kernel counts whole seconds down, and some have gone when the table is read."""


def neighbours_are_found(lab: LabView, firewall: Scope) -> None:
    """With the rules loaded, the firewall and the machines beside it find each other's hardware address."""
    lab.played(firewall)
    missing = lab.record.round(firewall).facts.get(f"neighbours {firewall}")
    if missing is None:
        raise unverified("近隣探索が試されていない", "neighbour discovery was not tried")
    if missing:
        fail(
            "規則が近隣探索を止めていて、実機では通信が始まらない",
            "the rules stop neighbour discovery: on the real machine nothing would start",
            case="FW-A07",
            expected="IPv6の近隣探索とIPv4のARPが両方向で成り立つ / discovery works in both directions",
            actual=missing,
        )


def idle_connections_are_kept(lab: LabView, firewall: Scope) -> None:
    """The firewall's own connection table would keep each permitted connection for five minutes without traffic."""
    lab.played(firewall)
    start = f"idle {firewall} "
    facts = {
        name.removeprefix(start): v for name, v in lab.record.round(firewall).facts.items() if name.startswith(start)
    }
    if not facts:
        raise unverified(
            "許可した通信が通らないので、無通信の時間を確かめられない", "no permitted connection to look at"
        )
    short = {name: value for name, value in facts.items() if value and int(value) < IDLE_SECONDS - COUNTED_SECONDS}
    if short:
        fail(
            "五分やりとりの無い接続を、ファイアウォールが忘れる",
            "the firewall forgets a connection that is idle for five minutes",
            case="FW-A03",
            sent="一往復のあと、接続表の残り時間を読む / one exchange, then the time left in the connection table",
            expected=f"{IDLE_SECONDS} 秒以上 / at least {IDLE_SECONDS} s",
            actual="; ".join(f"{name}: {value} s" for name, value in short.items()),
        )


def neighbours_do_not_lead(lab: LabView, firewall: Scope) -> None:
    """A neighbour's router advertisement changes no route of the firewall; with everything open it does."""
    lab.played(firewall)
    lab.played("control")
    fact = f"adverts {firewall}"
    before, now = (lab.record.round(name).facts.get(fact) for name in ("control", firewall))
    if not before or now is None:
        raise unverified(
            "すべて開いた状態でもルータ広告に従わないので、遮断を確かめられない",
            "no positive control: router advertisements are not followed with everything open",
        )
    if now:
        fail(
            "隣の機器のルータ広告で、ファイアウォールの経路が変わった",
            "a neighbour's router advertisement changed the firewall's routes",
            case="FW-P07",
            sent=f"ルータ広告 / router advertisement: {before}",
            expected="経路は変わらない / no route changes",
            actual=now,
        )


def no_gap(lab: LabView, firewall: str) -> None:
    """While the transactions of a reload are applied one by one, nothing denied passes and a permitted flow goes on."""
    lab.played("reload")
    facts = lab.record.round("reload").facts
    if f"leak {firewall}" not in facts:
        raise unverified(f"{firewall} の規則が渡されていない", f"no rules of {firewall}")
    if facts[f"leak {firewall}"]:
        fail(
            "規則の再読込みの途中で、遮断すべき通信が通った",
            "traffic passed in the middle of a reload that must be denied",
            case="FW-P16",
            expected="何も通らない / nothing passes",
            actual=facts[f"leak {firewall}"],
        )
    if facts[f"flow {firewall}"]:
        fail(
            "規則の再読込みで、許可した通信が切れた",
            "a permitted flow broke in the reload",
            case="FW-P16",
            expected="切れない / it goes on",
            actual=facts[f"flow {firewall}"],
        )


def nothing_before(lab: LabView, firewall: str) -> None:
    lab.played("boot")
    passed = lab.record.round("boot").facts.get(firewall)
    if passed is None:
        raise unverified(f"{firewall} の起動が試されていない", f"the start of {firewall} was not tried")
    if passed:
        fail(
            "規則を読み込む前に、遮断すべき通信が通った",
            "traffic passed before the rules were loaded",
            case="FW-P16",
            expected="何も通らない / nothing passes",
            actual=passed,
        )


def exchange_through_the_relay(lab: LabView) -> None:
    one = lab.exchange("PX-01a", "chain")
    if not one.tunnelled:
        lab.show_exchange(one)
        fail(
            "連携サーバを通したやりとりができない",
            "no exchange through the relay",
            case="FW-A03",
            sent=one.sent,
            expected="200、続いてTLSのやりとり / 200, then TLS",
            actual=f"{one.status} {one.error}",
        )
    _remark_on_drift(lab)


def _remark_on_drift(lab: LabView) -> None:
    """PX-22: what happens when the download function moves to another address (5章①-2: how to limit it is free)."""
    moved = lab.record.round("chain").exchanges.get("PX-22c")
    if moved is None:
        return
    if moved.tunnelled:
        lab.remark(
            "ダウンロード機能のアドレスが変わっても、やりとりは続く（PX-22）。",
            "The exchange goes on when the download function's address changes (PX-22).",
        )
    else:
        lab.remark(
            "注意：ダウンロード機能のアドレスが変わると、この規則では届かなくなる（PX-22）。FWの規則はアドレスで、連携サーバは"
            "FQDNで絞っているため、変更の知らせを受けて規則を直す手順が要る（FW-1.2-03）。",
            "Note: when the download function's address changes these rules no longer reach it (PX-22): the packet filter goes by"
            " address, the relay by name, so a procedure for such changes is needed (FW-1.2-03).",
        )


def large_download(lab: LabView) -> None:
    one = lab.exchange("PX-23", "chain")
    if not one.tunnelled:
        lab.show_exchange(one)
        fail(
            "大きな申請データが、そのまま届かない",
            "a large download does not arrive unchanged",
            case="FW-A03",
            expected="10MB、SHA-256 が同じ / the same digest",
            actual=f"{one.status} {one.answer or one.error}",
        )


def seen_from_the_download_function(lab: LabView) -> None:
    """The download function was reached, and by the relay."""
    one = lab.exchange("PX-01a", "chain")
    wanted = f"{lab.policy.the('download')}:{lab.policy.service.port}"
    if wanted not in one.reached:
        lab.show_exchange(one)
        fail(
            "ダウンロード機能に、連携サーバからの通信が届いていない",
            "the download function saw no connection of the relay",
            case="FW-A03",
            expected=wanted,
            actual=" ".join(one.reached) or "なし / none",
        )


def nothing_while_down(lab: LabView) -> None:
    one = lab.exchange("PX-01a", "proxy-down")
    cells = lab.record.round("proxy-down").cells
    passed = [lab.matrix[number].label() for number, seen in cells.items() if seen.cls in PASSED]
    passed = [label for label in passed if not label.startswith(f"{lab.policy.the('am')} → {lab.policy.the('relay')} ")]
    if not cells:
        raise unverified("停止中の通信が試されていない", "nothing was probed while the relay was down")
    if one.tunnelled or one.status == 200 or passed:
        lab.show_exchange(one)
        fail(
            "連携サーバが止まっているのに、通信が届いた",
            "something was reached although the relay was down",
            case="PX-18",
            expected="何も届かない / nothing",
            actual="; ".join(passed) or f"{one.status}",
        )
