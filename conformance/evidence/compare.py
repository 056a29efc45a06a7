"""Two runs beside each other: what became better, what became worse, and whether they can be compared at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from conformance.evidence.verify import verify
from conformance.reporters.machine import as_dict
from conformance.sentence import Sentence

Change = Literal["better", "worse", "other", "new", "gone"]
ORDER = ("PASS", "WARN", "REVIEW", "UNVERIFIED", "ERROR", "FAIL")
"""From good to bad; 対象外 is neither."""
CONDITIONS = (
    "role",
    "profile",
    "seed",
    "reference_date",
    "suite_version",
    "suite_sha256",
    "world_version",
    "mutant",
    "inputs",
)


class CompareError(Sentence, ValueError):
    """A run cannot be read (exit 2): file, problem, fix."""


class _Check(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    id: str
    ja: str
    en: str
    verdict: str


class _Run(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    run: dict[str, Any]
    checks: tuple[_Check, ...]


@dataclass(frozen=True)
class Row:
    """One check whose verdict is not the same; "" where a run does not have it."""

    check: str
    ja: str
    en: str
    before: str
    after: str
    change: Change


@dataclass(frozen=True)
class Comparison:
    """``conditions``: (name, before, after) of what differs between the two runs besides the verdicts."""

    rows: tuple[Row, ...]
    conditions: tuple[tuple[str, str, str], ...]
    same: int

    @property
    def worse(self) -> bool:
        """Whether any verdict became worse, or a check that was there is gone."""
        return any(one.change in ("worse", "gone") for one in self.rows)


def read_run(path: Path) -> Mapping[str, Any]:
    """The results of a run: a run's folder, its results.json, or a bundle that is intact. CompareError otherwise."""
    if path.suffix == ".zip":
        found = verify(path)
        if not found.intact or found.results is None:
            first = found.findings[0] if found.findings else None
            raise CompareError(
                str(path),
                f"証跡が改変されています（{first.file}: {first.ja}）" if first else "証跡として読めません",
                f"the bundle is not intact ({first.file}: {first.en})" if first else "not readable as a bundle",
            )
        return as_dict(found.results)
    file = path / "results.json" if path.is_dir() else path
    try:
        data: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        _Run.model_validate(data)
    except (OSError, ValueError, ValidationError):
        raise CompareError(str(file), "results.json として読めません", "not readable as results.json") from None
    return data


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Comparison:
    """What differs between two results (as `as_dict` gives them)."""
    old, new = _Run.model_validate(before), _Run.model_validate(after)
    first, second = ({one.id: one for one in run.checks} for run in (old, new))
    rows = []
    for name in dict.fromkeys((*first, *second)):
        was, is_ = first.get(name), second.get(name)
        known = is_ or was
        if known is None or (was and is_ and was.verdict == is_.verdict):
            continue
        words = (was.verdict if was else "", is_.verdict if is_ else "")
        rows.append(Row(name, known.ja, known.en, *words, _change(*words)))
    return Comparison(
        rows=tuple(sorted(rows, key=lambda one: (one.change != "worse", one.check))),
        conditions=tuple(
            (key, shown(old.run.get(key)), shown(new.run.get(key)))
            for key in CONDITIONS
            if shown(old.run.get(key)) != shown(new.run.get(key))
        ),
        same=len(first.keys() & second.keys()) - sum(bool(one.before and one.after) for one in rows),
    )


def _change(before: str, after: str) -> Change:
    if not before:
        return "new"
    if not after:
        return "gone"
    if before not in ORDER or after not in ORDER:
        return "other"
    return "worse" if ORDER.index(after) > ORDER.index(before) else "better"


def shown(value: object) -> str:
    """A condition of a run as one line: a profile by its id, edition, overlay and dialects; inputs by what they held."""
    if isinstance(value, list):
        given = [one for one in value if isinstance(one, Mapping)]
        return " ".join(f"{one.get('option', '')} {one.get('sha256', '')[:16] or one.get('name', '')}" for one in given)
    if isinstance(value, Mapping):
        parts = [str(value.get(key, "")) for key in ("id", "edition", "overlay")]
        parts += [str(one) for one in value.get("dialects", ())]
        return " ".join(part for part in parts if part)
    return "" if value is None else str(value)
