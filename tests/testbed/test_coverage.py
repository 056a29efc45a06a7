"""The committed coverage matrix is up to date and says something of every requirement."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from conformance.catalogue import load_catalogue, roles_with_suite
from interface_spec.requirements import load_requirements
from testbed import coverage
from testbed.cli.app import app
from testbed.mutants.registry import mutants_of


def test_the_committed_matrix_is_up_to_date() -> None:
    file = coverage.coverage_file()
    assert file.is_file(), "docs/ に対応表がない: shinsei requirements coverage --write を実行する / run it"
    assert file.read_text(encoding="utf-8") == coverage.render(), (
        "docs/requirements-coverage.md が古い: shinsei requirements coverage --write を実行する / run it"
    )


def test_no_binding_requirement_is_left_without_check_attestation_or_reason() -> None:
    assert coverage.unexplained() == []


def test_every_requirement_check_and_mutant_stands_in_it() -> None:
    rows = {
        line.split(" | ")[0].removeprefix("| "): line
        for line in coverage.render().splitlines()
        if line.startswith("| ")
    }
    assert set(load_requirements()) <= set(rows)
    for role in roles_with_suite():
        for check in load_catalogue(role).checks.values():
            assert check.id in rows[check.requirement]
    for mutant in mutants_of("am").values():
        for check_id in mutant.killed_by:
            assert mutant.name in rows[check_id[:-1]]


def test_command_writes_and_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "docs" / coverage.FILE
    monkeypatch.setattr(coverage, "coverage_file", lambda: file)
    runner = CliRunner()
    stale = runner.invoke(app, ["requirements", "coverage", "--check"])
    assert stale.exit_code == 1
    assert "shinsei requirements coverage" in stale.stderr
    assert runner.invoke(app, ["requirements", "coverage", "--write"]).exit_code == 0
    assert runner.invoke(app, ["requirements", "coverage", "--check"]).exit_code == 0
    file.write_text("old", encoding="utf-8")
    assert runner.invoke(app, ["requirements", "coverage", "--check"]).exit_code == 1
