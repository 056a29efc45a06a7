"""5章③-1: 連携サーバは代理でつなぎ、応答をそのまま返す。"""

from __future__ import annotations

from conformance.firewall.view import LabView, lab_check
from conformance.suites.relay.views import idle_tunnel_is_kept, tunnels, unchanged


@lab_check("relay", "RLY-3.1-01a")
def the_answer_is_returned_unchanged(lab: LabView) -> None:
    unchanged(lab)


@lab_check("relay", "RLY-3.1-01b")
def permitted_requests_are_served_under_refusals(lab: LabView) -> None:
    tunnels(lab, "PX-21")


@lab_check("relay", "RLY-3.1-01c")
def a_restarted_relay_serves_again(lab: LabView) -> None:
    tunnels(lab, "PX-26")


@lab_check("relay", "RLY-3.1-81a")
def an_idle_tunnel_is_kept(lab: LabView) -> None:
    idle_tunnel_is_kept(lab)
