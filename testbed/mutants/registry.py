"""All mutants by role and name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from testbed.mutants.model import Mutant


class UnknownMutant(LookupError):
    """No mutant of that name; ``str()`` is one sentence with near names."""


def mutants_of(role: str) -> dict[str, Mutant]:
    """Mutants of the in-repo product of ``role`` by name, in the order of the suite."""
    if role == "am":
        from testbed.mutants.am import MUTANTS as AM

        return {one.name: one for one in AM}
    if role == "package":
        from testbed.mutants.package import MUTANTS as PACKAGE

        return {one.name: one for one in PACKAGE}
    return {}


@dataclass(frozen=True)
class MutantRow:
    """One mutant of any role, as the lists and the coverage matrix show it."""

    name: str
    ja: str
    en: str
    killed_by: tuple[str, ...]
    target: str
    kind: str = "killed"


def rows_of(role: str) -> list[MutantRow]:
    """Every mutant of ``role``: of our 申請管理システム (am), of the package writer, of rulesets (fw), of relays."""
    if role in ("am", "package"):
        return [MutantRow(one.name, one.ja, one.en, one.killed_by, one.target) for one in mutants_of(role).values()]
    if role in ("fw", "relay"):
        from testbed.mutants.firewall.model import load_mutants

        return [
            MutantRow(one.id, one.ja, one.en, one.kills, one.part, one.kind)
            for one in load_mutants().values()
            if one.role == role
        ]
    return []


def mutant(name: str, role: str = "am") -> Mutant:
    """The mutant ``name`` of a product of ours. Raises UnknownMutant with near names."""
    found = mutants_of(role)
    if name not in found:
        raise UnknownMutant(near(name, role, found))
    return found[name]


def near(name: str, role: str, found: Iterable[str]) -> str:
    """The sentence for a name that ``role`` has not."""
    close = difflib.get_close_matches(name, list(found), n=3)
    hint = f"（近い名前: {', '.join(close)}）" if close else f"（shinsei mutants list --role {role} で一覧）"
    return f"--mutant {name}: その変異体はありません{hint} / no such mutant"
