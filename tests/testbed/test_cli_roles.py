"""`shinsei check`, `checks`, `mutants`, `challenge`: the same words for every role, and no option passed over in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from testbed.cli.app import app
from testbed.cli.applies import OPTIONS, out_of_place
from testbed.mutants.registry import rows_of
from tests.testbed.cli_runs import run_folder, shinsei

pytestmark = pytest.mark.long

ROLES = ("am", "package", "relay", "fw")
FOR_ALL = {
    "-k",
    "--lf",
    "--mutant",
    "--challenge",
    "--date",
    "--out",
    "--database-url",
    "--gate-waived",
    "--json",
    "--lang",
}


def flags() -> set[str]:
    """The options of `shinsei check`, as the command line knows them."""
    command: Any = get_command(app)
    options = [one.opts for one in command.commands["check"].params if one.param_type_name == "option"]
    return {opts[0] for opts in options} - {"--help"}


def test_every_option_is_for_all_roles_or_says_for_which() -> None:
    assert flags() == FOR_ALL | OPTIONS.keys() - {"FILE"}


@pytest.mark.parametrize("role", ROLES)
def test_an_option_of_another_role_is_refused(role: str) -> None:
    for option, roles in OPTIONS.items():
        problem = out_of_place(role, {option: "x"})
        assert bool(problem) is (role not in roles), option
        assert not out_of_place(role, {option: None})
        if problem:
            assert problem.startswith(f"{option}: ")
            assert roles[0] in problem


def test_a_refused_option_starts_nothing(tmp_path: Path) -> None:
    done = shinsei("check", "relay", "-x", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("-x: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("role", ROLES)
def test_checks_mutants_and_challenges_are_there_for_every_role(role: str, tmp_path: Path) -> None:
    runner = CliRunner()
    checks = json.loads(runner.invoke(app, ["checks", role, "--json"]).stdout)
    assert len(checks) > 20
    assert {"id", "ja", "en", "level", "set"} <= checks[0].keys()
    mutants = json.loads(runner.invoke(app, ["mutants", "list", "--role", role, "--json"]).stdout)
    assert [one["name"] for one in mutants] == [one.name for one in rows_of(role)]
    out = tmp_path / "c.json"
    made = runner.invoke(app, ["challenge", role, "--issuer", "〇〇市", "--out", str(out)])
    assert made.exit_code == 0, made.output
    assert json.loads(out.read_text(encoding="utf-8"))["role"] == role


@pytest.mark.parametrize("role", ROLES)
def test_a_mutant_that_is_not_there_is_one_sentence(role: str, tmp_path: Path) -> None:
    done = shinsei("check", role, "--mutant", "no-such-mutant", cwd=tmp_path)
    assert done.returncode == 2
    assert f"--role {role}" in done.stderr
    assert not (tmp_path / "out").exists()


def test_packages_are_checked_as_a_run(tmp_path: Path) -> None:
    assert shinsei("challenge", "package", "--issuer", "〇〇市", cwd=tmp_path).returncode == 0
    done = shinsei("check", "package", "--challenge", "challenge.json", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    results = json.loads(done.stdout)
    assert results["verdicts"]["contract"]["verdict"] == "CONFORMANT"
    assert results["run"]["challenge"]["issuer"] == "〇〇市"
    made = sorted((run_folder(tmp_path / "out") / "packages").glob("*.zip"))
    assert [one["option"] for one in results["run"]["inputs"]] == ["FILE"] * len(made) != []
    chosen = shinsei("check", "package", *map(str, made), "-k", "PKG-ZIP-*", "--out", "o2", cwd=tmp_path)
    assert chosen.returncode == 4  # a selection is never the whole


def test_a_package_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    done = shinsei("check", "package", "none.zip", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("none.zip: ")
    assert shinsei("check", "package", "-k", "PKG-NOTHING", cwd=tmp_path).returncode == 2
    assert not list((tmp_path / "out").iterdir())
