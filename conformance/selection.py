"""What ``-k WORD`` means, the same for every role."""

from __future__ import annotations

from fnmatch import fnmatchcase


def selects(word: str, check_id: str, ja: str, en: str) -> bool:
    """Whether ``word`` keeps a check: its id or the beginning of it, a glob over ids, or a piece of a title."""
    return bool(word.strip()) and (
        check_id.startswith(word) or fnmatchcase(check_id, word) or word in ja or word.lower() in en.lower()
    )
