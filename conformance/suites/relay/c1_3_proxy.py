"""5章①-3: 標準構成の連携サーバはプロキシである。"""

from __future__ import annotations

from conformance.firewall.view import LabView, lab_check
from conformance.suites.relay.views import nowhere_else, tunnels


@lab_check("relay", "RLY-1.3-02a")
def connect_to_the_listed_name_works(lab: LabView) -> None:
    tunnels(lab, "PX-01a", "PX-01b")


@lab_check("relay", "RLY-1.3-02b")
def variants_never_lead_elsewhere(lab: LabView) -> None:
    nowhere_else(lab, "PX-02", "PX-07a", "PX-12a", "PX-12c")


@lab_check("relay", "RLY-1.3-02c")
def every_answer_for_the_listed_name_is_followed(lab: LabView) -> None:
    family = {"v6": "PX-22a", "v4": "PX-22b"}
    tunnels(lab, *(family[one] for one in lab.policy.families), "PX-22c")
