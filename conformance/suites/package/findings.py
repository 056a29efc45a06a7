"""What the validator says: rules as data, findings that name a rule, a place, what was expected and what is there."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interface_spec.errors import SpecError, first_problem
from interface_spec.profile import Provenance

RULES = Path(__file__).parent / "rules.toml"
Level = Literal["nonconformity", "notice"]
_PER_RULE = 20
"""Findings kept per rule: a package of 10,000 bad entries is reported in a page."""


class Rule(BaseModel):
    """One rule. ``nonconformity`` decides the verdict; a ``notice`` is for a person to look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^PKG-[A-Z]+-[A-Z0-9]+$")
    level: Level
    ja: str
    en: str
    clause: str
    provenance: Provenance
    requirements: tuple[str, ...] = ()
    """Rows of the catalogue that the rule checks a part of."""


@lru_cache(maxsize=1)
def load_rules() -> dict[str, Rule]:
    """All rules by id, in file order. Raises SpecError naming the entry."""
    found: dict[str, Rule] = {}
    for number, entry in enumerate(tomllib.loads(RULES.read_text(encoding="utf-8"))["rule"], start=1):
        try:
            rule = Rule.model_validate(entry)
        except ValidationError as error:
            place, problem = first_problem(error)
            raise SpecError(RULES.name, f"rule {entry.get('id', number)}.{place}", problem) from None
        if rule.id in found:
            raise SpecError(RULES.name, rule.id, "同じ規則が二度あります / a rule stands twice")
        found[rule.id] = rule
    return found


@dataclass(frozen=True)
class Finding:
    """One finding. ``place`` is an entry, a document's item or the file; texts are Japanese, then English."""

    rule: Rule
    place: str
    expected: str
    actual: str


@dataclass
class Findings:
    """Collects findings in the order of the checks."""

    kept: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, rule: str, place: str, expected: str, actual: str) -> None:
        """KeyError for a rule that `rules.toml` does not know: the validator's own mistake."""
        known = load_rules()[rule]
        self.counts[rule] += 1
        if self.counts[rule] <= _PER_RULE:
            self.kept.append(
                Finding(known, shown(place) or "（空の名前） / (empty name)", shown(expected), shown(actual))
            )

    @property
    def nonconforming(self) -> bool:
        return any(one.rule.level == "nonconformity" for one in self.kept)


def shown(text: str, limit: int = 200) -> str:
    """``text`` fit for a terminal and a report: no control, bidirectional or unpaired character, bounded length."""
    clipped = text if len(text) <= limit else f"{text[:limit]}…（{len(text)}文字）"
    return "".join(one if one.isprintable() else f"\\u{{{ord(one):X}}}" for one in clipped)
