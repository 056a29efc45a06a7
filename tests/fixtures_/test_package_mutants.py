"""A validator that catches nothing is worth nothing: every mistake of a writer turns exactly its rules."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from conformance.suites.package.findings import load_rules
from shinsei_testbed import lib_dir
from testbed.cli.app import app
from testbed.mutants.package import MUTANTS
from testbed.mutants.package.run import PackageKill, applied, markdown, run_mutants, unproven


@pytest.fixture(scope="module")
def kills() -> list[PackageKill]:
    found = run_mutants(MUTANTS)
    assert found is not None, "the writer without a mistake does not conform"
    return found


def test_exactly_its_rules_catch_every_mutant(kills: list[PackageKill]) -> None:
    assert [(one.mutant.name, one.caught_by, one.live) for one in kills if not one.as_declared] == []


def test_every_rule_has_a_mutant_and_every_mutant_known_rules() -> None:
    assert unproven() == []
    assert len({one.name for one in MUTANTS}) == len(MUTANTS) >= 80
    assert {rule for one in MUTANTS for rule in one.killed_by} == set(load_rules())


def test_the_published_matrix_is_what_was_found(kills: list[PackageKill]) -> None:
    file = lib_dir() / "docs" / "kill-matrix-package.md"
    assert file.read_text(encoding="utf-8") == markdown(kills), "shinsei mutants matrix --role package"


def test_a_mutant_that_changes_nothing_or_something_else_is_not_as_declared() -> None:
    one = next(one for one in MUTANTS if one.name == "pkg-crc")
    idle = replace(one, replace=lambda original: original)
    wrong = replace(one, killed_by=("PKG-ZIP-END",))
    found = run_mutants([idle, wrong])
    assert found is not None
    assert [(kill.live, kill.as_declared) for kill in found] == [(False, False), (True, False)]


def test_a_writer_that_does_not_conform_proves_nothing() -> None:
    crc = next(one for one in MUTANTS if one.name == "pkg-crc")
    with applied(crc):
        assert run_mutants([crc]) is None


def test_list_and_matrix_for_programs() -> None:
    listed = CliRunner().invoke(app, ["mutants", "list", "--role", "package", "--json"])
    rows = {row["name"]: row for row in json.loads(listed.stdout)}
    assert rows["pkg-crc"]["killed_by"] == ["PKG-ZIP-CRC"]
    assert rows.keys() == {one.name for one in MUTANTS}
    command = ["mutants", "matrix", "--role", "package", "--json", "--only", "pkg-crc"]
    matrix = CliRunner().invoke(app, command)
    assert matrix.exit_code == 0
    assert json.loads(matrix.stdout) == {
        "role": "package",
        "mutants": {"pkg-crc": ["PKG-ZIP-CRC"]},
        "as_declared": True,
    }
    assert CliRunner().invoke(app, ["mutants", "matrix", "--role", "package", "--only", "pkg-x"]).exit_code == 2
