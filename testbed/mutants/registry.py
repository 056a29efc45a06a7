"""All mutants by role and name."""

from __future__ import annotations

import difflib

from testbed.mutants.model import Mutant


class UnknownMutant(LookupError):
    """No mutant of that name; ``str()`` is one sentence with near names."""


def mutants_of(role: str) -> dict[str, Mutant]:
    """Mutants of the in-repo product of ``role`` by name, in the order of the suite."""
    if role != "am":
        return {}
    from testbed.mutants.am import MUTANTS

    return {one.name: one for one in MUTANTS}


def mutant(name: str) -> Mutant:
    """The mutant ``name``. Raises UnknownMutant with near names."""
    found = mutants_of("am")
    if name not in found:
        near = difflib.get_close_matches(name, found, n=3)
        hint = f"（近い名前: {', '.join(near)}）" if near else "（shinsei mutants list --role am で一覧）"
        raise UnknownMutant(f"--mutant {name}: その変異体はありません{hint} / no such mutant")
    return found[name]
