"""The coverage matrix: every requirement with the checks that test it, the mutants that prove those checks, or the reason.

Generated (``shinsei requirements coverage --write``) and committed; a test fails when it is stale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from conformance.catalogue import DECIDING, load_catalogue, roles_with_suite
from conformance.suites.package.findings import load_rules
from interface_spec.requirements import Requirement, load_requirements
from shinsei_testbed import lib_dir
from testbed.mutants.registry import rows_of

FILE = "requirements-coverage.md"
REMAKE = "shinsei requirements coverage --write"
BINDING = ("必須", "推奨")
PACKAGE = "package"
"""The role whose checks are the rules of the validator."""
HEAD = """\
# 要件・検査・変異体の対応表 / Requirements, checks and mutants

`shinsei requirements coverage --write` が生成する。手で直さない。Generated, not edited by hand.

検査の無い要件には、申告で確かめるか、確かめない理由を書く。
A requirement without a check is attested, or says why nothing tests it.
"""


def coverage_file() -> Path:
    """Where the committed matrix stands in a checkout."""
    return lib_dir() / "docs" / FILE


def render() -> str:
    """The matrix as Markdown, requirement sets in the catalogue's order."""
    checks, mutants = _checks(), _mutants()
    sets: dict[str, list[Requirement]] = defaultdict(list)
    for one in load_requirements().values():
        sets[one.set].append(one)
    parts = [HEAD]
    for name, found in sets.items():
        tested = sum(one.id in checks for one in found)
        parts.append(
            f"\n## {name}（{len(found)} 件、検査あり {tested} 件 / {len(found)} rows, {tested} with checks）\n\n"
        )
        parts.append("| 要件 | 役割 | 級 | 条項 | 検査 | 変異体 | 検査の無い理由 |\n|---|---|---|---|---|---|---|\n")
        parts += [_row(one, checks[one.id], mutants) for one in found]
    return "".join(parts)


def unexplained() -> list[str]:
    """必須 and 推奨 requirements of a role with a suite that have neither check, nor attestation, nor reason."""
    checks, roles = _checks(), {*roles_with_suite(), PACKAGE}
    return [
        one.id
        for one in load_requirements().values()
        if one.level in BINDING and roles & set(one.roles) and one.id not in checks and not _reason(one)
    ]


def _checks() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for role in roles_with_suite():
        for check in load_catalogue(role).checks.values():
            for requirement in dict.fromkeys((check.requirement, *check.also)):
                found[requirement].append(check.id)
    for rule in load_rules().values():
        for requirement in rule.requirements:
            found[requirement].append(rule.id)
    return found


def _mutants() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for role in (*roles_with_suite(), PACKAGE):
        for mutant in rows_of(role):
            for check in mutant.killed_by:
                found[check].append(mutant.name)
    return found


def _reason(one: Requirement) -> str:
    if one.unchecked:
        return one.unchecked
    if one.level == "必須" and one.set in DECIDING and "attestation" in one.observability:
        return "申告で確かめる / attested"
    if not set(one.roles) & {*roles_with_suite(), PACKAGE}:
        return "この役割の検査はまだない / no suite for this role yet"
    return ""


def _row(one: Requirement, checks: Iterable[str], mutants: dict[str, list[str]]) -> str:
    killers = dict.fromkeys(name for check in checks for name in mutants.get(check, []))
    cells = (
        one.id,
        ", ".join(one.roles),
        one.level,
        one.clause,
        "<br>".join(checks),
        "<br>".join(killers),
        "" if checks else _reason(one),
    )
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"
