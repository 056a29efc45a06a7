"""5章①-1 図表12: 境界FWは特定通信だけを通す（境界FWだけに規則を入れて確かめる）。"""

from __future__ import annotations

from conformance.firewall.view import LabView, lab_check
from conformance.kit import fail
from conformance.suites.fw.views import idle_connections_are_kept, neighbours_are_found


@lab_check("fw", "FW-1.1-02a")
def the_dmz_holds_dmz_hosts_only(lab: LabView) -> None:
    zones = [name for name, zone in lab.policy.zone.items() if zone.kind == "dmz"]
    strangers = [
        f"{name}（{one.ja}）" for name, one in lab.policy.host.items()
        if one.zone in zones and one.role not in ("relay", "dmz-other")
    ]  # fmt: skip
    if strangers:
        fail(
            "DMZのセグメントに、DMZのものでない機器がいる",
            "hosts that are none of the DMZ stand in its segment",
            expected="連携サーバとDMZの機器だけ / relay and DMZ hosts only",
            actual=", ".join(strangers),
        )


@lab_check("fw", "FW-1.1-03a")
def the_relay_stands_in_the_dmz(lab: LabView) -> None:
    relay = lab.policy.host[lab.policy.the("relay")]
    if lab.policy.zone[relay.zone].kind != "dmz":
        fail(
            "連携サーバがDMZの外にいる",
            "the relay stands outside the DMZ",
            expected="ゾーンの種類 dmz / a zone of kind dmz",
            actual=f"{relay.zone}（{lab.policy.zone[relay.zone].ja}）",
        )


@lab_check("fw", "FW-1.1-04a")
def the_relay_opens_nothing_inward(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D06")


@lab_check("fw", "FW-1.1-04b")
def lgwan_opens_nothing_into_the_dmz(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D07")


@lab_check("fw", "FW-1.1-04c")
def lgwan_does_not_reach_the_mynumber_zone(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D08")


@lab_check("fw", "FW-1.1-04d")
def terminals_reach_nothing_inside(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D09")


@lab_check("fw", "FW-1.1-04e")
def the_mynumber_zone_does_not_reach_terminals(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D10")


@lab_check("fw", "FW-1.1-04f")
def the_dmz_does_not_reach_terminals(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D11")


@lab_check("fw", "FW-1.1-04g")
def the_am_reaches_only_the_proxy_port(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D12")


@lab_check("fw", "FW-1.1-04h")
def other_hosts_do_not_reach_the_relay(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D13")


@lab_check("fw", "FW-1.1-04i")
def other_dmz_hosts_reach_nothing(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D14")


@lab_check("fw", "FW-1.1-04j")
def the_am_reaches_no_other_site(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D15")


@lab_check("fw", "FW-1.1-04k")
def the_mynumber_zone_reaches_no_other_dmz_host(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D16")
    lab.tricks_fail("boundary", "FW-D16")
    if not any("multicast" in name for name, _ in lab.tricks("boundary", "FW-D16")):
        lab.remark(
            "このカーネルにはマルチキャストの中継が無いため、マルチキャストは試していない（FW-D16）。",
            "This kernel has no multicast routing: multicast was not tried (FW-D16).",
        )


@lab_check("fw", "FW-1.1-04l")
def the_boundary_firewall_itself_is_not_reached(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-M01", "FW-M02")


@lab_check("fw", "FW-1.1-04x")
def the_relay_reaches_no_other_site_at_the_boundary(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D04")


@lab_check("fw", "FW-1.1-04y")
def the_relay_reaches_only_the_service_port_at_the_boundary(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D05")


@lab_check("fw", "FW-1.1-04z")
def core_hosts_do_not_reach_lgwan_at_the_boundary(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D03")


@lab_check("fw", "FW-1.1-05a")
def the_relay_reaches_the_download_function(lab: LabView) -> None:
    lab.everything_passes("boundary", "FW-A01")


@lab_check("fw", "FW-1.1-06a")
def the_am_reaches_the_relay(lab: LabView) -> None:
    lab.everything_passes("boundary", "FW-A02")


@lab_check("fw", "FW-1.1-06b")
def neighbours_of_the_boundary_firewall_are_found(lab: LabView) -> None:
    neighbours_are_found(lab, "boundary")


@lab_check("fw", "FW-1.1-06c")
def the_boundary_firewall_keeps_idle_connections(lab: LabView) -> None:
    idle_connections_are_kept(lab, "boundary")


@lab_check("fw", "FW-1.1-07a")
def the_am_does_not_reach_the_download_function_by_https(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D01")


@lab_check("fw", "FW-1.1-07b")
def the_am_does_not_reach_the_download_function_otherwise(lab: LabView) -> None:
    lab.nothing_passes("boundary", "FW-D02")


@lab_check("fw", "FW-1.1-81a")
def declared_implied_traffic_passes_the_boundary(lab: LabView) -> None:
    lab.everything_passes("boundary", "FW-A04")
