"""What an operator is asked, as data: the terminal and the page show the same question and take the same answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

MOST_TEXT = 200_000


@dataclass(frozen=True)
class Choice:
    value: str
    ja: str
    en: str


@dataclass(frozen=True)
class Field:
    """One thing to answer. ``row`` groups the fields of one line of a table; ``file`` is a file that is handed over."""

    name: str
    ja: str
    en: str
    kind: Literal["choice", "text", "rows", "file"] = "choice"
    choices: tuple[Choice, ...] = ()
    default: str = ""
    required: bool = True
    row: str = ""


@dataclass(frozen=True)
class Question:
    """One form. ``key`` is the same for the same question of the same round in every run."""

    key: str
    ja: str
    en: str
    fields: tuple[Field, ...] = ()
    hint_ja: str = ""
    hint_en: str = ""


@dataclass(frozen=True)
class Attached:
    """A file that the person handed over; kept by its digest."""

    name: str
    sha256: str
    size: int
    path: str


@dataclass(frozen=True)
class Answer:
    """``values`` by field name; ``evidence`` are pictures of the screen. ``source`` is terminal or page."""

    values: Mapping[str, str]
    source: str
    files: Mapping[str, Attached] = field(default_factory=dict)
    evidence: tuple[Attached, ...] = ()
    note: str = ""


def complaint(question: Question, values: Mapping[str, str], files: Mapping[str, object]) -> tuple[str, str] | None:
    """What is wrong with an answer, as (Japanese, English); None when it can be taken."""
    for one in question.fields:
        if one.kind == "file":
            missing = one.required and one.name not in files
        else:
            value = values.get(one.name, "")
            missing = one.required and not value.strip()
            if len(value) > MOST_TEXT:
                return f"{_label(one)[0]}: 長すぎます（{MOST_TEXT} 字まで）", f"{_label(one)[1]}: too long"
            if one.kind == "choice" and value and value not in {choice.value for choice in one.choices}:
                return f"{_label(one)[0]}: 選択肢から選んでください", f"{_label(one)[1]}: choose one of the list"
        if missing:
            return f"{_label(one)[0]}: 答えてください", f"{_label(one)[1]}: an answer is needed"
    return None


def _label(one: Field) -> tuple[str, str]:
    before = f"{one.row} " if one.row else ""
    return f"{before}{one.ja}", f"{before}{one.en}"
