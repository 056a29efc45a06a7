"""The one error of every loader here: a sentence that names file, place and what was expected."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError


class SpecError(ValueError):
    """A contract file cannot be used. ``str()`` is one sentence: file, place in the file, what is wrong, what to write."""

    def __init__(self, source: Path | str, place: str, problem: str) -> None:
        self.source, self.place, self.problem = str(source), place, problem
        super().__init__(f"{self.source}: {place}: {problem}" if place else f"{self.source}: {problem}")


def first_problem(error: ValidationError) -> tuple[str, str]:
    """(place, problem) of the first finding of a Pydantic error, as a person would say it."""
    found = error.errors()[0]
    place = ".".join(str(part) for part in found["loc"])
    match found["type"]:
        case "missing":
            return place, "必須の項目がありません / required key is missing"
        case "extra_forbidden":
            return place, "知らない項目です（綴りを確認してください） / unknown key (check the spelling)"
        case "literal_error" | "enum":
            return place, f"値は {found.get('ctx', {}).get('expected', '?')} のいずれかです / not an allowed value"
    return place, f"{found['msg']} (値 / value: {str(found.get('input'))[:80]!r})"
