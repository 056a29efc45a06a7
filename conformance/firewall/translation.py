"""What of a ruleset rewrites addresses (NAT), apart from what it filters.

When a firewall is tried alone the other one lets everything pass, but it still translates as it does in operation: rules
that expect the translated address would otherwise be judged on packets that never come.
"""

from __future__ import annotations

import json
from typing import Any


def translation(listed: str) -> str:
    """nft JSON that holds the NAT chains of ``listed`` (`nft -j list ruleset`) alone; "" when there are none."""
    objects: list[dict[str, Any]] = json.loads(listed)["nftables"]
    base = {_chain(one["chain"]): one["chain"]["type"] for one in objects if "type" in one.get("chain", {})}
    if "nat" not in base.values():
        return ""
    kept: list[dict[str, Any]] = [{"flush": {"ruleset": None}}]
    for one in objects:
        kind, held = next(iter(one.items()))
        chain = _chain(held) if kind == "chain" else (held.get("family"), held.get("table"), held.get("chain"))
        dropped = kind in ("chain", "rule") and base.get(chain, "nat") != "nat"
        if kind != "metainfo" and not dropped:
            kept.append({"add": {kind: {name: value for name, value in held.items() if name != "handle"}}})
    return json.dumps({"nftables": kept}, ensure_ascii=False)


def _chain(held: dict[str, Any]) -> tuple[Any, Any, Any]:
    return held.get("family"), held.get("table"), held.get("name")
