"""6章6.2(1)アA: 宛先は許可リストで制限する。"""

from __future__ import annotations

from conformance.firewall.view import LabView, lab_check
from conformance.suites.relay.views import (
    closed,
    letters,
    logged,
    management_closed,
    not_looked_up,
    nothing_inward,
    nowhere_else,
    opened_only_the_listed,
    opens_nothing_inward,
    refused,
)


@lab_check("relay", "RLY-S62-02a")
def unlisted_names_are_refused(lab: LabView) -> None:
    refused(lab, "PX-03")


@lab_check("relay", "RLY-S62-02b")
def addresses_are_refused(lab: LabView) -> None:
    refused(lab, *letters("PX-04", "abcdefghijkl"))


@lab_check("relay", "RLY-S62-02c")
def reverse_names_do_not_decide(lab: LabView) -> None:
    refused(lab, "PX-05")


@lab_check("relay", "RLY-S62-02d")
def other_ports_are_refused(lab: LabView) -> None:
    refused(lab, *letters("PX-06", "abcde"))


@lab_check("relay", "RLY-S62-02e")
def lookalike_names_are_refused(lab: LabView) -> None:
    refused(lab, "PX-07b", *letters("PX-08", "abcdef"))


@lab_check("relay", "RLY-S62-02f")
def a_rebound_name_opens_nothing_inward(lab: LabView) -> None:
    nothing_inward(lab, "PX-09")


@lab_check("relay", "RLY-S62-02g")
def inward_destinations_are_refused(lab: LabView) -> None:
    refused(lab, *letters("PX-10", "abcdefg"))


@lab_check("relay", "RLY-S62-02h")
def malformed_requests_change_nothing(lab: LabView) -> None:
    refused(lab, "PX-12d", "PX-12e", "PX-12f", "PX-13b")
    nowhere_else(lab, "PX-13a")


@lab_check("relay", "RLY-S62-02i")
def unlisted_names_are_not_looked_up(lab: LabView) -> None:
    not_looked_up(lab, "PX-03", "PX-14")


@lab_check("relay", "RLY-S62-02j")
def management_pages_are_closed(lab: LabView) -> None:
    management_closed(lab)


@lab_check("relay", "RLY-S62-02k")
def other_protocols_are_refused(lab: LabView) -> None:
    refused(lab, "PX-20a", "PX-20b", "PX-20d")


@lab_check("relay", "RLY-S62-02l")
def a_relay_of_another_kind_connects_to_the_listed_only(lab: LabView) -> None:
    opened_only_the_listed(lab)


@lab_check("relay", "RLY-S62-02m")
def every_request_is_logged(lab: LabView) -> None:
    logged(lab)


@lab_check("relay", "RLY-S62-02n")
def the_relay_opens_nothing_into_the_mynumber_zone(lab: LabView) -> None:
    opens_nothing_inward(lab)


@lab_check("relay", "RLY-S62-02o")
def another_name_inside_a_tunnel_leads_nowhere_else(lab: LabView) -> None:
    nowhere_else(lab, "PX-17")


@lab_check("relay", "RLY-S62-81a")
def an_empty_list_lets_nothing_through(lab: LabView) -> None:
    closed(
        lab,
        "PX-18e",
        "PX-18e-other",
        needs=("許可リストが空の設定（empty_list）", "a configuration with an empty list (empty_list)"),
    )


@lab_check("relay", "RLY-S62-81b")
def a_broken_configuration_opens_nothing_else(lab: LabView) -> None:
    closed(
        lab, "PX-18b-other", needs=("設定ファイル（files か squid_conf）", "a configuration file (files or squid_conf)")
    )
