"""Foldings of names and addresses, weakest first: they find candidates for staff and never overwrite what was sent.

Stages: width/space/NFKC → variant characters (異体字, IVS) → 代替文字 → address notation.
"""

from __future__ import annotations

import re
import unicodedata

VARIANTS = str.maketrans(
    {
        "髙": "高",
        "﨑": "崎",
        "碕": "崎",
        "嵜": "崎",
        "邉": "辺",
        "邊": "辺",
        "𠮷": "吉",
        "𣘺": "橋",
        "澤": "沢",
        "濵": "浜",
        "濱": "浜",
        "齋": "斎",
        "齊": "斉",
        "廣": "広",
        "嶋": "島",
        "嶌": "島",
        "櫻": "桜",
        "眞": "真",
        "惠": "恵",
        "德": "徳",
        "ヶ": "ケ",
        "ヵ": "カ",
    }
)
SUBSTITUTES = frozenset("〓■□●＊*?？�")
"""Characters that stand in a certificate where the real one is not in its repertoire (代替文字)."""

_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_BLANKS = re.compile(r"\s+")
_KANJI_DIGITS = {character: index for index, character in enumerate("〇一二三四五六七八九")}
_KANJI_NUMBER = re.compile(r"[〇一二三四五六七八九十百]+(?=(?:丁目|番地|番|号))")
_DASHES = re.compile("[‐‑‒–—―−ーｰ-]")
_UNITS = re.compile(r"(?<=\d)(?:丁目|番地の|番地|番|の)(?=\d)")
_LAST_UNIT = re.compile(r"(?<=\d)(?:番地|番|号)(?=\D|\Z)")


def width(text: str) -> str:
    """Compatibility forms, widths and blanks made equal (NFKC; all blanks removed)."""
    return _BLANKS.sub("", unicodedata.normalize("NFKC", text))


def variants(text: str) -> str:
    """`width`, and known variants of one character (髙/高, 﨑/崎, 邉/邊/辺, 𠮷/吉) and IVS selectors made equal."""
    return width(_SELECTORS.sub("", text)).translate(VARIANTS)


def name(text: str) -> str:
    """A name for finding candidates."""
    return variants(text)


def address(text: str) -> str:
    """An address for finding candidates: `variants`, 丁目/番/号/hyphen notations made equal, kanji numbers as digits."""
    folded = _KANJI_NUMBER.sub(lambda found: str(_kanji_number(found[0])), variants(text))
    folded = re.sub(r"(?<=\d)" + _DASHES.pattern + r"(?=\d)", "-", folded)
    return _LAST_UNIT.sub("", _UNITS.sub("-", folded))


def _kanji_number(text: str) -> int:
    total, current = 0, 0
    for character in text:
        if character in _KANJI_DIGITS:
            current = current * 10 + _KANJI_DIGITS[character]
        else:
            total, current = total + max(current, 1) * {"十": 10, "百": 100}[character], 0
    return total + current


def matches_substituted(certificate: str, register: str) -> bool:
    """True when ``certificate`` is ``register`` but for characters that were replaced by 代替文字 (both folded first).

    Any one character of the register may stand behind a substitute; other characters must agree.
    """
    pattern = "".join("." if character in SUBSTITUTES else re.escape(character) for character in width(certificate))
    return re.fullmatch(pattern.translate(VARIANTS), variants(register)) is not None
