"""6章6.2(1)アA: 特定通信用の連携サーバは、特定通信だけを、申請管理システムだけに中継する。"""

from __future__ import annotations

from conformance.firewall.view import LabView, lab_check
from conformance.suites.relay.views import letters, refused, tunnels


@lab_check("relay", "RLY-S62-01a")
def other_methods_are_refused(lab: LabView) -> None:
    refused(lab, *letters("PX-11", "abcdefghijk"))


@lab_check("relay", "RLY-S62-01b")
def other_clients_are_refused(lab: LabView) -> None:
    refused(lab, *letters("PX-16", "abcde"))


@lab_check("relay", "RLY-S62-01c")
def claimed_identities_are_refused(lab: LabView) -> None:
    refused(lab, "PX-12b", "PX-20c")


@lab_check("relay", "RLY-S62-01d")
def the_relay_stays_alive(lab: LabView) -> None:
    tunnels(lab, "alive")
