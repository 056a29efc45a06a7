"""The one catalogue of words that users read: Japanese first, English second."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal

Lang = Literal["ja", "en"]


@lru_cache(maxsize=1)
def _catalogue() -> dict[str, dict[str, tuple[str, str]]]:
    data = tomllib.loads((Path(__file__).parent / "messages.toml").read_text(encoding="utf-8"))
    return {table: {key: (pair[0], pair[1]) for key, pair in entries.items()} for table, entries in data.items()}


def say(table: str, key: object, lang: Lang = "ja") -> str:
    """The words for ``table.key``; KeyError names what the catalogue lacks."""
    pair = _catalogue()[table][str(key)]
    return pair[0] if lang == "ja" else pair[1]


def every_word() -> list[str]:
    """Every Japanese wording of the catalogue."""
    return [ja for table in _catalogue().values() for ja, _ in table.values()]


def knows(table: str, key: object) -> bool:
    """Whether there are words for ``table.key``."""
    return str(key) in _catalogue()[table]
