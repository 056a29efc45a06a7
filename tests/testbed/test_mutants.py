"""The mutants: their targets exist, their replacements fit, every check has one, and a stale one is told."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.catalogue import load_catalogue
from shinsei_testbed import lib_dir
from testbed.cli.app import drawn
from testbed.mutants import hook
from testbed.mutants.launch import mutant_command
from testbed.mutants.matrix import source_hash, unproven
from testbed.mutants.model import Mutant
from testbed.mutants.registry import UnknownMutant, mutant, mutants_of

MUTANTS = list(mutants_of("am").values())
MATRIX = lib_dir() / "docs" / "kill-matrix-am.json"


def owner_of(one: Mutant) -> Any:
    """The object whose attribute the mutant replaces."""
    owner: Any = importlib.import_module(one.module)
    for name in one.path[:-1]:
        owner = getattr(owner, name)
    return owner


def accepts(replacement: inspect.Signature, original: inspect.Signature) -> bool:
    """Whether every way to call the original is a way to call the replacement."""
    kinds = inspect.Parameter
    given = [one for one in original.parameters.values() if one.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)]
    for only_required in (False, True):
        wanted = [one for one in given if not only_required or one.default is kinds.empty]
        by_place = [one for one in wanted if one.kind is not kinds.KEYWORD_ONLY]
        named = {one.name: None for one in wanted if one.kind is kinds.KEYWORD_ONLY}
        try:
            replacement.bind(*(None for _ in by_place), **named)
        except TypeError:
            return False
    return True


def test_there_are_enough_and_each_is_said_in_both_languages() -> None:
    assert len(MUTANTS) >= 60
    for one in MUTANTS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one.name), one.name
        assert re.search(r"[ぁ-んァ-ン一-龥]", one.ja), one.name
        assert one.en.isascii() or re.search(r"[a-z]{3}", one.en), one.name
        assert one.killed_by, one.name
    assert len({one.name for one in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("one", MUTANTS, ids=lambda one: one.name)
def test_target_resolves_and_the_replacement_fits(one: Mutant) -> None:
    assert one.module.startswith("reference_impl.")
    original = vars(owner_of(one)).get(one.path[-1])
    assert original is not None, f"{one.target} はもう無い / no longer exists"
    replacement = one.replace(original)
    assert replacement is not original
    if callable(original):
        assert callable(replacement)
        assert accepts(inspect.signature(replacement), inspect.signature(original)), one.target
        assert inspect.iscoroutinefunction(replacement) == inspect.iscoroutinefunction(original)
    else:
        assert isinstance(replacement, type(original)), one.target


def test_every_killer_exists_and_every_check_has_its_mutant() -> None:
    checks = load_catalogue("am").checks
    assert {name for one in MUTANTS for name in one.killed_by} <= set(checks)
    assert unproven("am") == []


def test_unknown_mutant_has_near_names() -> None:
    with pytest.raises(UnknownMutant, match="no-hostname"):
        mutant("no-hostnme")
    assert mutants_of("core") == {}


def test_the_products_code_knows_nothing_of_mutants() -> None:
    root = lib_dir() / "reference_impl"
    assert [path for path in root.rglob("*.py") if "mutant" in path.read_text(encoding="utf-8").lower()] == []


class TestHook:
    @pytest.fixture
    def victim(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        name = "victim_of_a_mutant"
        (tmp_path / f"{name}.py").write_text(
            "LIMIT = 3\ndef judge(value):\n    return value <= LIMIT\nclass Store:\n    def keep(self, x):\n        return x\n"
            "def again():\n    return judge(9)\n",
            encoding="utf-8",
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        monkeypatch.setenv(hook.LOG, str(tmp_path / "mutant.log"))
        finders = list(sys.meta_path)
        yield name
        sys.meta_path[:] = finders
        sys.modules.pop(name, None)

    def made(self, target: str, value: object = "mutated") -> Mutant:
        return Mutant("m", "誤り", "mistake", ("AM-3.1-01a",), target, lambda _: lambda *_: value)

    def test_function_is_replaced_for_every_caller_and_the_log_proves_it(self, victim: str, tmp_path: Path) -> None:
        hook.install(self.made(f"{victim}:judge"))
        module = importlib.import_module(victim)
        assert module.again() == "mutated"
        assert (tmp_path / "mutant.log").read_text(encoding="utf-8") == f"{os.getpid()} m\n"

    def test_method_is_replaced(self, victim: str) -> None:
        hook.install(self.made(f"{victim}:Store.keep"))
        assert importlib.import_module(victim).Store().keep(1) == "mutated"

    def test_nothing_is_logged_while_the_module_is_not_loaded(self, victim: str, tmp_path: Path) -> None:
        hook.install(self.made(f"{victim}:judge"))
        importlib.import_module("json")
        assert not (tmp_path / "mutant.log").exists()

    @pytest.mark.parametrize("target", ["judged", "Store.kept", "Shop.keep"])
    def test_a_stale_target_is_an_error_and_not_logged_as_live(self, victim: str, tmp_path: Path, target: str) -> None:
        hook.install(self.made(f"{victim}:{target}"))
        with pytest.raises(AttributeError):
            importlib.import_module(victim)
        assert not (tmp_path / "mutant.log").exists()

    def test_too_late_is_an_error(self, victim: str) -> None:
        importlib.import_module(victim)
        with pytest.raises(RuntimeError, match="loaded before the hook"):
            hook.install(self.made(f"{victim}:judge"))


def test_a_stale_mutant_ends_the_product_with_3_and_a_sentence() -> None:
    code = (
        "import sys, testbed.mutants.registry as registry; from testbed.mutants.model import Mutant;"
        "stale = Mutant('stale', 'x', 'x', (), 'reference_impl.shinsei_kanri.review:no_such_rule', lambda one: one);"
        "registry.mutant = lambda name: stale;"
        "from testbed.mutants.launch import main; main(['stale', 'reference_impl.shinsei_kanri', 'serve'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=lib_dir())
    assert done.returncode == hook.STALE == 3
    assert "no such target reference_impl.shinsei_kanri.review:no_such_rule" in done.stderr.splitlines()[-1]


def test_the_command_that_starts_a_mutant() -> None:
    words = mutant_command("no-hostname", "reference_impl.shinsei_kanri", "serve")
    assert words[-4:] == ["testbed.mutants.launch", "no-hostname", "reference_impl.shinsei_kanri", "serve"]


def test_the_committed_kill_matrix_is_up_to_date() -> None:
    assert MATRIX.is_file(), "docs/kill-matrix-am.json が無い: make matrix を実行する / run make matrix"
    data = json.loads(MATRIX.read_text(encoding="utf-8"))
    assert data["mutants"] == {one.name: sorted(one.killed_by) for one in MUTANTS}
    assert data["source_sha256"] == source_hash(), (
        "対応表が古い（試験一式・製品・模擬世界・契約のいずれかが変わった）: make matrix を実行する / stale: run make matrix"
    )


def test_every_commit_draws_its_own_mutants() -> None:
    names = [one.name for one in MUTANTS]
    first = drawn(names, 8, "a1")
    assert first == drawn(list(reversed(names)), 8, "a1")
    assert len(set(first)) == 8
    assert set(first) <= set(names)
    assert {one for commit in range(200) for one in drawn(names, 8, str(commit))} == set(names)


def test_ci_catches_mutants_drawn_by_commit() -> None:
    script = (lib_dir() / ".ci" / "run").read_text(encoding="utf-8")
    assert 'make matrix ARGS="--draw 8 --by $(git rev-parse HEAD' in script
