"""Words that only the documents need (``words.toml``)."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=1)
def words() -> dict[str, Any]:
    """The whole table."""
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))


def setting_words(file: str, name: str) -> tuple[str, str] | None:
    """(Japanese, English) of one setting; None when nothing is written about it."""
    found = words()["setting"].get(file, {}).get(name)
    if found is None:
        found = next((told for ending, told in words()["ending"].items() if name.endswith(ending)), None)
    return (found[0], found[1]) if found else None
