"""5章①-1: 細工したパケット、再読込み、起動の途中でも境界FWは遮断を続ける。"""

from __future__ import annotations

from conformance.firewall.view import LabView, lab_check
from conformance.suites.fw.views import neighbours_do_not_lead, no_gap, nothing_before


@lab_check("fw", "FW-1.1-04m")
def odd_flags_do_not_pass(lab: LabView) -> None:
    lab.tricks_fail("boundary", "FW-P01")


@lab_check("fw", "FW-1.1-04n")
def service_source_ports_do_not_pass(lab: LabView) -> None:
    lab.tricks_fail("boundary", "FW-P02")


@lab_check("fw", "FW-1.1-04o")
def hidden_headers_do_not_pass(lab: LabView) -> None:
    lab.tricks_fail("boundary", "FW-P03", "FW-P04", "FW-P05")


@lab_check("fw", "FW-1.1-04p")
def other_protocols_do_not_pass(lab: LabView) -> None:
    lab.tricks_fail("boundary", "FW-P06")


@lab_check("fw", "FW-1.1-04q")
def icmp_does_not_pass(lab: LabView) -> None:
    lab.tricks_fail("boundary", "FW-P07")


@lab_check("fw", "FW-1.1-04r")
def spoofed_sources_do_not_pass(lab: LabView) -> None:
    lab.tricks_fail("boundary", "FW-P08")


@lab_check("fw", "FW-1.1-04s")
def nothing_passes_as_related(lab: LabView) -> None:
    lab.tricks_fail("boundary", "FW-P10", "FW-P11")


@lab_check("fw", "FW-1.1-04t")
def a_finished_connection_is_not_reused(lab: LabView) -> None:
    lab.tricks_fail("boundary", "FW-P12")


@lab_check("fw", "FW-1.1-04u")
def translated_sources_do_not_pass(lab: LabView) -> None:
    lab.tricks_fail("boundary", "FW-P14")


@lab_check("fw", "FW-1.1-04v")
def a_reload_leaves_no_gap(lab: LabView) -> None:
    no_gap(lab, "boundary")


@lab_check("fw", "FW-1.1-04w")
def nothing_passes_before_the_rules(lab: LabView) -> None:
    nothing_before(lab, "boundary")


@lab_check("fw", "FW-1.1-05b")
def too_big_notices_pass(lab: LabView) -> None:
    lab.tricks_arrive("boundary", "FW-A05")


@lab_check("fw", "FW-1.1-82a")
def the_boundary_firewall_does_not_show_itself_to_a_traceroute(lab: LabView) -> None:
    lab.tricks_fail("boundary", "FW-P15")


@lab_check("fw", "FW-1.1-82b")
def the_lgwan_firewall_does_not_show_itself_to_a_traceroute(lab: LabView) -> None:
    lab.tricks_fail("lgwan", "FW-P15")


@lab_check("fw", "FW-1.1-83a")
def the_boundary_firewall_does_not_follow_its_neighbours(lab: LabView) -> None:
    neighbours_do_not_lead(lab, "boundary")


@lab_check("fw", "FW-1.1-83b")
def the_lgwan_firewall_does_not_follow_its_neighbours(lab: LabView) -> None:
    neighbours_do_not_lead(lab, "lgwan")
