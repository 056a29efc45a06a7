"""3章3.2: 特定通信は連携サーバを通り、内側へは開かない。"""

from __future__ import annotations

from conformance.firewall.view import LabView, lab_check
from conformance.suites.relay.views import down


@lab_check("relay", "FW-S32-02d")
def nothing_is_relayed_while_down(lab: LabView) -> None:
    down(lab)
