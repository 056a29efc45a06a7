"""Which options of `shinsei check` a role has: one that means nothing for it is refused, never passed over in silence."""

from __future__ import annotations

from collections.abc import Mapping

NETWORK = ("fw", "relay")
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "FILE": ("package",),
    "--target": ("am", "relay"),
    "-x": ("am",),
    "-n": ("am",),
    "--overlay": ("am", "package"),
    "--policy": NETWORK,
    "--boundary": ("fw",),
    "--lgwan": ("fw",),
    "--proxy": ("fw",),
    "--seed": ("am", "package"),
    "--resume": ("am",),
    "--image": ("am",),
}
"""The roles of each option that is not for all of them."""


def out_of_place(role: str, given: Mapping[str, object]) -> str:
    """One sentence about the first option that was given and that ``role`` does not have; "" when there is none."""
    for option, value in given.items():
        roles = OPTIONS[option]
        if value and role not in roles:
            known = "・".join(roles)
            return f"{option}: 役割 {role} にはありません（{known} のもの） / not for the role {role} (for {', '.join(roles)})"
    return ""
