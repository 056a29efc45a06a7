"""5章①-2 図表13: LGWAN-FWは連携サーバをダウンロード機能だけに制限する。"""

from __future__ import annotations

from conformance.firewall.view import LabView, lab_check
from conformance.suites.fw.views import idle_connections_are_kept, large_download, neighbours_are_found


@lab_check("fw", "FW-1.1-81b")
def declared_implied_traffic_passes_the_lgwan_firewall(lab: LabView) -> None:
    lab.everything_passes("lgwan", "FW-A04")


@lab_check("fw", "FW-1.2-01a")
def the_relay_reaches_the_download_function_through_both(lab: LabView) -> None:
    lab.everything_passes("chain", "FW-A01")


@lab_check("fw", "FW-1.2-02a")
def the_relay_reaches_only_the_service_port(lab: LabView) -> None:
    lab.nothing_passes("lgwan", "FW-D05")


@lab_check("fw", "FW-1.2-04a")
def the_lgwan_firewall_passes_the_relay(lab: LabView) -> None:
    lab.everything_passes("lgwan", "FW-A01")


@lab_check("fw", "FW-1.2-04b")
def too_big_notices_pass_the_lgwan_firewall(lab: LabView) -> None:
    lab.tricks_arrive("lgwan", "FW-A05")


@lab_check("fw", "FW-1.2-04c")
def a_large_download_comes_through(lab: LabView) -> None:
    large_download(lab)


@lab_check("fw", "FW-1.2-04d")
def the_lgwan_firewall_keeps_idle_connections(lab: LabView) -> None:
    idle_connections_are_kept(lab, "lgwan")


@lab_check("fw", "FW-1.2-04e")
def neighbours_of_the_lgwan_firewall_are_found(lab: LabView) -> None:
    neighbours_are_found(lab, "lgwan")


@lab_check("fw", "FW-1.2-05a")
def the_relay_reaches_no_other_site(lab: LabView) -> None:
    lab.nothing_passes("lgwan", "FW-D04")


@lab_check("fw", "FW-1.2-05b")
def crafted_packets_of_the_relay_do_not_pass(lab: LabView) -> None:
    lab.tricks_fail("lgwan", "FW-P01", "FW-P03", "FW-P04", "FW-P05", "FW-P06", "FW-P07", source=lab.policy.the("relay"))
