"""Where everything stands in the package: entry names against the profile's path templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter

from conformance.suites.package.findings import Findings
from interface_spec.profile import Package

FORM_PDF = "form_pdf"


@dataclass(frozen=True)
class Layout:
    """Part of the package (document name or `FORM_PDF`) → entry name, for one 受付番号."""

    receipt_no: str
    paths: Mapping[str, str]


@lru_cache(maxsize=64)
def _receipt_pattern(templates: tuple[str, ...]) -> re.Pattern[str]:
    """Matches an entry name that one of ``templates`` gives; the group that matched, if any, holds the 受付番号."""
    patterns = []
    for number, template in enumerate(templates):
        parts, first = [], True
        for literal, name, _, _ in Formatter().parse(template):
            parts.append(re.escape(literal))
            if name == "receipt_no":
                parts.append(f"(?P<receipt{number}>[^/]+)" if first else f"(?P=receipt{number})")
                first = False
        patterns.append("".join(parts))
    return re.compile("|".join(patterns))


def _templates(package: Package) -> dict[str, str]:
    return {name: spec.path for name, spec in package.documents.items()} | {FORM_PDF: package.form_pdf}


def find_layout(package: Package, names: Iterable[str], stated: str) -> Layout:
    """The layout for the 受付番号 that is ``stated`` or, when that is empty, that most entry names agree on."""
    templates = _templates(package)
    votes: dict[str, int] = {}
    pattern = _receipt_pattern(tuple(templates.values()))
    for name in () if stated else names:
        found = pattern.fullmatch(name)
        if found and found.lastindex:
            votes[found[found.lastindex]] = votes.get(found[found.lastindex], 0) + 1
    receipt_no = stated or max(votes, key=lambda one: votes[one], default="")
    return Layout(receipt_no, {part: template.format(receipt_no=receipt_no) for part, template in templates.items()})


def check_present(layout: Layout, package: Package, names: Sequence[str], findings: Findings) -> None:
    """Every document and the form PDF must be there."""
    there = set(names)
    for part, path in layout.paths.items():
        if path not in there:
            ja = package.documents[part].ja if part in package.documents else "申請書PDF / form PDF"
            findings.add("PKG-LAYOUT-MISSING", path, ja, "なし / missing")


def check_nothing_else(known: set[str], names: Iterable[str], findings: Findings) -> None:
    """Nothing in the package may be overlooked: an entry that the layout does not name is not delivered to anybody."""
    for name in names:
        if name not in known:
            findings.add(
                "PKG-LAYOUT-EXTRA", name, "プロファイルにあるエントリ / an entry of the profile", "余分 / unknown entry"
            )
