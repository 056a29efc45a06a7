"""Troubles that users read: one sentence that names place, problem and fix, Japanese first, English second."""

from __future__ import annotations

from interface_spec.errors import SpecError


class Sentence(Exception):
    """``place`` (file, field, address) stands before both languages; ``str()`` is ``place: ja / en``."""

    def __init__(self, place: str, ja: str, en: str) -> None:
        before = f"{place}: " if place else ""
        self.ja, self.en = f"{before}{ja}", f"{before}{en}"
        super().__init__(f"{before}{ja} / {en}")


def both(error: Exception) -> tuple[str, str]:
    """(Japanese, English) of an error; an error that knows one wording only says it in both."""
    if isinstance(error, Sentence):
        return error.ja, error.en
    if isinstance(error, SpecError):
        place = ": ".join(part for part in (error.source, error.place) if part)
        ja, _, en = error.problem.partition(" / ")
        return f"{place}: {ja}", f"{place}: {en or ja}"
    return str(error), str(error)
