"""What the picture of each role colours: a part of the picture, and the checks whose gravest verdict it takes."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.results import CheckResult

GRAVITY = ["N/A", "PASS", "WARN", "REVIEW", "UNVERIFIED", "ERROR", "FAIL"]
PARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "relay": {
        "relayed": ("RLY-1.3", "RLY-3.1"),
        "clients": ("RLY-S62-01",),
        "others": ("RLY-S62-02", "RLY-S62-81"),
        "inward": ("RLY-S62-02f", "RLY-S62-02g", "RLY-S62-02n"),
        "log": ("RLY-S62-02m",),
        "stopped": ("FW-S32-02",),
    },
    "package": {
        "container": ("PKG-ZIP",),
        "names": ("PKG-NAME",),
        "layout": ("PKG-LAYOUT",),
        "documents": ("PKG-DOC", "PKG-VALUE"),
        "application": ("PKG-APP", "PKG-FORM"),
        "verification": ("PKG-VER",),
        "attachments": ("PKG-ATT",),
    },
}
"""Role → part → id prefixes; the longest prefix that fits wins."""


def part_of(role: str, check: str) -> str:
    """The part of the picture that shows ``check``; "" when the picture of the role shows no such check."""
    fitting = [
        (len(prefix), part)
        for part, prefixes in PARTS.get(role, {}).items()
        for prefix in prefixes
        if check.startswith(prefix)
    ]
    return max(fitting)[1] if fitting else ""


def picture_of(role: str, checks: Iterable[CheckResult]) -> dict[str, str]:
    """Part → gravest verdict among its deciding checks; for `am` the parts are the five functions."""
    gravest: dict[str, str] = {}
    for one in checks:
        part = one.planned.function if role == "am" else part_of(role, one.planned.id)
        if one.planned.deciding and part:
            gravest[part] = max(gravest.get(part, "N/A"), one.verdict.value, key=GRAVITY.index)
    return gravest
