"""Runs the writer's mutants against the validator: the kill matrix of the role ``package``.

Writer and validator run in this process: a mutant replaces one attribute of the writer while one package is made.
"""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console

from conformance.suites.package.consistency import Listed
from conformance.suites.package.findings import load_rules
from conformance.suites.package.validate import Validator
from conformance.verdicts import Exit
from fixtures.world import World
from shinsei_testbed import lib_dir
from testbed.mutants.hook import apply
from testbed.mutants.model import Mutant
from testbed.mutants.package import MUTANTS

_CASE = "k01-plain"
_SEED, _DAY = 3, date(2026, 11, 24)
HEAD = """\
# 変異体と規則の対応表（package） / Kill matrix

`shinsei mutants matrix --role package` が生成する。変異体は、申請ZIPを書く側にわざと一つの誤りを入れたもの。
右の規則だけが報告され、ほかの規則は報告されないことを、すべての変異体について確かめてある。

Generated. A mutant is the writer of application packages with one deliberate mistake. For every mutant exactly the rules on
the right were reported, and no other rule.

| 変異体 / mutant | 誤り / mistake | 捕まえた規則 / caught by |
|---|---|---|
"""


@dataclass(frozen=True)
class PackageKill:
    """What became of one mutant. ``live``: it really wrote other bytes than the writer without a mistake."""

    mutant: Mutant
    live: bool
    caught_by: tuple[str, ...]

    @property
    def as_declared(self) -> bool:
        return self.live and set(self.caught_by) == set(self.mutant.killed_by)


@contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """The mutant is live inside the block. AttributeError when its target no longer exists."""
    owner: object = importlib.import_module(mutant.module)
    *owners, last = mutant.path
    for name in owners:
        owner = getattr(owner, name)
    original = vars(owner).get(last)
    apply(mutant, importlib.import_module(mutant.module))
    try:
        yield
    finally:
        setattr(owner, last, original)


def _judged(mutant: Mutant | None) -> tuple[str, frozenset[str]]:
    """(SHA-256 of the package, the rules reported on it)."""
    world = World(seed=_SEED, reference_date=_DAY)
    if mutant is None:
        case = world.case(_CASE)
    else:
        with applied(mutant):
            case = world.case(_CASE)
    report = Validator(world.profile).validate(
        case.zip_bytes, Listed(case.receipt_no, case.dantai_code, case.procedure_id)
    )
    return case.sha256, report.rules


def run_mutants(mutants: Sequence[Mutant]) -> list[PackageKill] | None:
    """What became of each, in order; None when the writer without a mistake is not found conforming."""
    honest, rules = _judged(None)
    if rules:
        return None
    kills = []
    for one in mutants:
        sha256, caught = _judged(one)
        kills.append(PackageKill(one, sha256 != honest, tuple(sorted(caught))))
    return kills


def unproven() -> list[str]:
    """Rules that no mutant is declared to be caught by."""
    covered = {rule for one in MUTANTS for rule in one.killed_by}
    return [rule for rule in load_rules() if rule not in covered]


def markdown(kills: Sequence[PackageKill]) -> str:
    lines = [
        f"| `{one.mutant.name}` | {one.mutant.ja}<br>{one.mutant.en} | {', '.join(one.caught_by)} |" for one in kills
    ]
    return HEAD + "\n".join(lines) + "\n"


def run_matrix(only: tuple[str, ...], *, write: bool, as_json: bool = False) -> int:
    """All mutants (or ``only`` some); exit code 0 when exactly their rules caught them and no rule is without a mutant."""
    console = Console(stderr=True)
    by_name = {one.name: one for one in MUTANTS}
    unknown = [name for name in only if name not in by_name]
    if unknown:
        console.print(f"--only {unknown[0]}: その変異体はありません / no such mutant")
        return int(Exit.CONFIGURATION)
    started = time.monotonic()
    kills = run_mutants([by_name[name] for name in only] if only else MUTANTS)
    if kills is None:
        console.print("変異体のない申請ZIPが適合でないため、何も証明できません / the plain package is not conforming")
        return int(Exit.HARNESS)
    odd = [one for one in kills if not one.as_declared]
    for one in odd:
        expected = sorted(one.mutant.killed_by)
        console.print(f"✕ {one.mutant.name}: caught by {list(one.caught_by)}, expected {expected}, live {one.live}")
    bare = unproven()
    if bare:
        console.print(f"変異体の無い規則 / rules without a mutant: {', '.join(bare)}")
    if as_json:
        rows = {one.mutant.name: list(one.caught_by) for one in kills}
        print(json.dumps({"role": "package", "mutants": rows, "as_declared": not odd}, ensure_ascii=False, indent=1))  # noqa: T201
    console.print(f"{len(kills) - len(odd)} / {len(kills)} killed, {time.monotonic() - started:.0f} s")
    if write and not only and not odd and not bare:
        _write(lib_dir() / "docs", kills)
    return int(Exit.CONFORMANT if not odd and not bare else Exit.NOT_CONFORMANT)


def _write(docs: Path, kills: Sequence[PackageKill]) -> None:
    docs.mkdir(exist_ok=True)
    (docs / "kill-matrix-package.md").write_text(markdown(kills), encoding="utf-8")
