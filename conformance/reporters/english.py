"""What an English report says where the data are Japanese: sources, places within them, reasons, and marks of ours.

A run that was made before the catalogue had its English titles shows the Japanese ones.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path

from conformance.messages import Lang, knows, say
from conformance.plan import PlannedRequirement

PLACES = Path(__file__).with_name("places.toml")
_ITEMS = {"ア": "a", "イ": "b", "ウ": "c"}
_MASK = re.compile(r"［伏字 (\d+)字( [^］]*)?］")


@lru_cache(maxsize=1)
def _places() -> tuple[tuple[str, str], ...]:
    return tuple((ja, en) for ja, en in tomllib.loads(PLACES.read_text(encoding="utf-8"))["words"])


def clause(text: str, lang: Lang) -> str:
    """The place within a source: ``5章③-1 図表16`` is ``ch. 5 ③-1 fig. 16`` in English; circled numbers stay."""
    if lang == "ja":
        return text
    for japanese, english in _places():
        text = text.replace(japanese, english)
    text = re.sub(r"([アイウ])([A-Z])", lambda found: f" {_ITEMS[found[1]]}-{found[2]}", text)
    return re.sub(r"\s+", " ", re.sub(r"(\d)章", r"ch. \1 ", text)).replace(" ,", ",").strip()


def cite(requirement: PlannedRequirement, lang: Lang) -> str:
    """Source and place of a requirement."""
    source = requirement.source if lang == "ja" else requirement.source_en or requirement.source
    return f"{source} {clause(requirement.clause, lang)}"


def why(requirement: PlannedRequirement, lang: Lang) -> str:
    """Why the requirement matters to a municipality; may be empty."""
    return requirement.why if lang == "ja" else requirement.why_en or requirement.why


def assumed(place: str, what: str, lang: Lang) -> str:
    """An assumption of the profile: its item's name; in English the canonical name, and the Japanese one in quotes."""
    ja, slash, en = what.partition(" / ")
    if lang == "ja":
        return ja
    return en if slash else f"{place.rpartition('.')[2].replace('_', ' ')} 「{ja}」"


def provenance(word: str, lang: Lang) -> str:
    """How sure something is."""
    return say("provenance", word, lang) if knows("provenance", word) else word


def marks(text: str, lang: Lang) -> str:
    """``text`` with our marks for what was taken out said in the report's language."""
    if lang == "ja":
        return text
    return _MASK.sub(
        lambda found: f"[masked: {found[1]} characters{found[2] or ''}]", text.replace("［秘匿］", "[secret]")
    )
