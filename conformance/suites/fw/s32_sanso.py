"""3章3.2: 通すのは特定通信だけ、必ず連携サーバを通り、内側へだけ（LGWAN-FWの残りと全体）。"""

from __future__ import annotations

from conformance.firewall.view import LabView, lab_check
from conformance.suites.fw.views import (
    DENIED,
    TRICKS,
    exchange_through_the_relay,
    no_gap,
    nothing_before,
    nothing_while_down,
)


@lab_check("fw", "FW-S32-01a")
def lgwan_opens_nothing_inward(lab: LabView) -> None:
    lab.nothing_passes("lgwan", "FW-D07", "FW-D08")


@lab_check("fw", "FW-S32-01b")
def terminals_open_nothing_inward(lab: LabView) -> None:
    lab.nothing_passes("lgwan", "FW-D09")


@lab_check("fw", "FW-S32-01c")
def nothing_inside_reaches_the_terminals(lab: LabView) -> None:
    lab.nothing_passes("lgwan", "FW-D10", "FW-D11")


@lab_check("fw", "FW-S32-01d")
def the_lgwan_firewall_itself_is_not_reached(lab: LabView) -> None:
    lab.nothing_passes("lgwan", "FW-M01", "FW-M02")


@lab_check("fw", "FW-S32-01e")
def crafted_packets_do_not_pass_the_lgwan_firewall(lab: LabView) -> None:
    lab.tricks_fail("lgwan", *TRICKS)


@lab_check("fw", "FW-S32-01f")
def nothing_else_passes_the_chain(lab: LabView) -> None:
    lab.nothing_passes("chain", *DENIED)


@lab_check("fw", "FW-S32-01g")
def no_crafted_packet_passes_the_chain(lab: LabView) -> None:
    lab.tricks_fail("chain", *TRICKS)


@lab_check("fw", "FW-S32-01h")
def a_reload_of_the_lgwan_firewall_leaves_no_gap(lab: LabView) -> None:
    no_gap(lab, "lgwan")


@lab_check("fw", "FW-S32-01i")
def nothing_passes_the_lgwan_firewall_before_its_rules(lab: LabView) -> None:
    nothing_before(lab, "lgwan")


@lab_check("fw", "FW-S32-02b")
def the_exchange_works_through_the_relay(lab: LabView) -> None:
    exchange_through_the_relay(lab)


@lab_check("fw", "FW-S32-02c")
def nothing_is_reached_while_the_relay_is_down(lab: LabView) -> None:
    nothing_while_down(lab)


@lab_check("fw", "FW-S32-03b")
def nothing_is_opened_inward_through_the_chain(lab: LabView) -> None:
    lab.nothing_passes("chain", "FW-D06", "FW-D08", "FW-D09")
