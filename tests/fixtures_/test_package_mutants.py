"""A validator that catches nothing is worth nothing: every mistake of a writer turns exactly its rules."""

from __future__ import annotations

import importlib
from datetime import date

import pytest

from conformance.suites.package.consistency import Listed
from conformance.suites.package.findings import load_rules
from conformance.suites.package.validate import Validator
from fixtures.world import World
from testbed.mutants.model import Mutant
from testbed.mutants.package import MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_exactly_its_rules_catch_a_mutant(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    owner: object = importlib.import_module(mutant.module)
    *owners, last = mutant.path
    for name in owners:
        owner = getattr(owner, name)
    monkeypatch.setattr(owner, last, mutant.replace(vars(owner)[last]))
    case = World(seed=3, reference_date=date(2026, 11, 24)).case("k01-plain")
    report = Validator().validate(case.zip_bytes, Listed(case.receipt_no, case.dantai_code, case.procedure_id))
    assert report.rules == set(mutant.killed_by)
    levels = {load_rules()[rule].level for rule in mutant.killed_by}
    assert report.conforming == ("nonconformity" not in levels)


def test_names_are_unique_and_rules_exist() -> None:
    assert len({one.name for one in MUTANTS}) == len(MUTANTS) >= 45
    assert {rule for one in MUTANTS for rule in one.killed_by} <= set(load_rules())
