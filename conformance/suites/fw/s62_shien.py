"""6章6.2(1) ア・イ: 直接通信の不可、経路、LGWAN-FWのポリシー。"""

from __future__ import annotations

from conformance.firewall.view import LabView, lab_check
from conformance.kit import fail
from conformance.outcomes import unverified
from conformance.suites.fw.views import seen_from_the_download_function


@lab_check("fw", "FW-S62-01a")
def no_device_reaches_lgwan_directly(lab: LabView) -> None:
    lab.nothing_passes("chain", "FW-D01", "FW-D02", "FW-D03", "FW-D15")


@lab_check("fw", "FW-S62-02a")
def the_download_function_sees_the_relay(lab: LabView) -> None:
    seen_from_the_download_function(lab)


@lab_check("fw", "FW-S62-03a")
def routes_lead_to_the_dmz_only(lab: LabView) -> None:
    am = lab.policy.host[lab.policy.the("am")]
    if not am.routes:
        raise unverified("申請管理システムの経路（host.routes）が方針に書かれていない", "no routes in the policy")
    relay = lab.policy.host[lab.policy.the("relay")]
    segment = lab.policy.zone[relay.zone]
    wanted = {str(segment.v4)} if lab.policy.families == ("v4",) else {str(segment.v4), str(segment.v6)}
    missing, extra = sorted(wanted - set(am.routes)), sorted(set(am.routes) - {str(segment.v4), str(segment.v6)})
    if missing or extra:
        fail(
            "申請管理システムの経路が、連携サーバのセグメントだけになっていない",
            "the routes of the application management system are not those to the relay's segment alone",
            expected=", ".join(sorted(wanted)),
            actual=f"不足 / missing: {missing}, 余分 / extra: {extra}",
        )


@lab_check("fw", "FW-S62-05a")
def only_the_relay_passes_the_lgwan_firewall(lab: LabView) -> None:
    lab.nothing_passes("lgwan", "FW-D01", "FW-D02", "FW-D03", "FW-D14", "FW-D15")
