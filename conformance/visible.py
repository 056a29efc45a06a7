"""What a product returned, made harmless for a reader: characters that steer a terminal or the reading direction are shown, not obeyed."""

from __future__ import annotations

import unicodedata

_STEERING = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
_KEPT = "\n\t\u00ad\u200c\u200d"


def visible(text: str) -> str:
    """``text`` with control, direction, surrogate and private characters as ``⟨U+001B⟩``; line feeds and tabs stay."""
    if text.isprintable():  # none of those categories, none unassigned
        return text
    return "".join(c if c in _KEPT or _harmless(c) else f"⟨U+{ord(c):04X}⟩" for c in text)


def _harmless(c: str) -> bool:
    """No character that steers, and none that XML cannot carry (U+FFFE, U+FDD0, …)."""
    code = ord(c)
    return unicodedata.category(c) not in _STEERING and code & 0xFFFE != 0xFFFE and not 0xFDD0 <= code <= 0xFDEF


def one_line(text: str, most: int = 300) -> str:
    """The same on one line, cut at ``most`` characters with the length said."""
    flat = " ".join(visible(text[:most]).split())[:most]
    return flat if len(text) <= most else f"{flat}…（全{len(text)}字）"
