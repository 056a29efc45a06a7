"""The catalogue holds together: requirements, bodies, cases, rounds, words."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from conformance import catalogue as module
from conformance.catalogue import SUITES, Check, load_catalogue, roles_with_suite
from conformance.engine.driver import WORDS
from conformance.kit import REGISTRY, check
from conformance.messages import _catalogue, say
from conformance.results import fold
from conformance.suites.package.findings import load_rules
from conformance.verdicts import Exit, RunVerdict, Verdict
from fixtures.cases.recipes import load_recipes
from interface_spec.errors import SpecError
from interface_spec.requirements import load_requirements

ROOT = Path(module.__file__).parent
CHECKS = list(load_catalogue("am").checks.values())


def modules_of(role: str) -> list[ModuleType]:
    package = importlib.import_module(f"conformance.suites.{role}")
    return [importlib.import_module(f"{package.__name__}.{one.name}") for one in pkgutil.iter_modules(package.__path__)]


def bodies_of(role: str) -> dict[str, str]:
    """Check id → module that defines its body."""
    return {
        str(body.check_id): one.__name__
        for one in modules_of(role)
        for body in vars(one).values()
        if hasattr(body, "check_id") and body.__module__ == one.__name__
    }


def test_am_has_a_suite() -> None:
    assert "am" in roles_with_suite()
    assert len(CHECKS) >= 25


def test_every_check_has_a_body_and_every_body_a_check() -> None:
    assert set(bodies_of("am")) == {one.id for one in CHECKS}
    assert set(REGISTRY) >= {one.id for one in CHECKS}


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: one.id)
def test_a_body_lives_in_the_module_of_its_clause(one: Check) -> None:
    clause = one.id.split("-")[1]
    expected = f"c{clause.replace('.', '_')}_" if clause[0].isdigit() else "s"
    assert bodies_of("am")[one.id].rpartition(".")[2].startswith(expected)


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: one.id)
def test_a_check_cites_requirements_of_its_role_in_both_languages(one: Check) -> None:
    known = load_requirements()
    assert one.requirement in known
    assert set(one.also) <= set(known)
    assert one.ja
    assert re.search(r"[ぁ-ん]", one.ja)
    assert re.fullmatch(r"[\x20-\x7e①-⑨–-]+", one.en), one.en


def test_every_case_exists_and_belongs_to_one_round() -> None:
    recipes = set(load_recipes())
    home: dict[str, str] = {}
    for one in CHECKS:
        for case in one.cases:
            assert case.partition("#")[0] in recipes, f"{one.id}: {case}"
            assert home.setdefault(case, one.disturbance) == one.disturbance


def test_every_stimulus_and_disturbance_is_used() -> None:
    am = load_catalogue("am")
    used = {case for one in CHECKS for case in one.cases}
    assert set(am.stimuli) <= used
    assert set(am.disturbances) == {one.disturbance for one in CHECKS}


def test_every_binding_or_recommended_requirement_is_tested_attested_or_explained() -> None:
    tested = {name for one in CHECKS for name in (one.requirement, *one.also)}
    bare = [
        one.id
        for one in load_requirements().values()
        if "am" in one.roles
        and one.level in ("必須", "推奨")
        and one.id not in tested
        and "attestation" not in one.observability
        and not one.unchecked
    ]
    assert bare == []


def test_every_word_of_the_catalogue_exists_in_both_languages() -> None:
    for table, entries in _catalogue().items():
        for key, pair in entries.items():
            assert pair[0].strip(), f"{table}.{key} ja"
            assert pair[1].strip(), f"{table}.{key} en"
    for verdict in Verdict:
        assert say("verdict", verdict.value)
    for run_verdict in RunVerdict:
        assert say("run", run_verdict.value)
    for code in Exit:
        assert say("exit", int(code))
    for function in {load_requirements()[one.requirement].function for one in CHECKS}:
        assert say("function", function)


def test_every_word_that_is_used_is_in_the_catalogue() -> None:
    sources = [*ROOT.rglob("reporters/*.py"), *ROOT.rglob("reporters/templates/*.j2")]
    used = {
        (table, key)
        for path in sources
        for table, key in re.findall(r"""say\(\s*["'](\w+)["'],\s*["']([^"']+)["']""", path.read_text(encoding="utf-8"))
    }
    assert len(used) > 20
    assert [pair for pair in sorted(used) if pair[1] not in _catalogue()[pair[0]]] == []


def test_every_step_has_words() -> None:
    steps = {step.do for one in load_catalogue("am").disturbances.values() for step in one.steps}
    assert steps <= set(WORDS)
    assert all(ja and en for ja, en in WORDS.values())


def test_unknown_word_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="no-such-word"):
        say("text", "no-such-word")


def test_two_bodies_for_one_check_are_refused() -> None:
    def one(run: object) -> None:
        del run

    def other(run: object) -> None:
        del run

    check("AM-9.7-01a")(one)
    try:
        with pytest.raises(ValueError, match=r"AM-9\.7-01a"):
            check("AM-9.7-01a")(other)
        with pytest.raises(ValueError, match="stands twice"):
            check("AM-9.7-01b")(one)
    finally:
        del REGISTRY["AM-9.7-01a"]


BROKEN = [
    ('id = "FW-S32-02a"', 'id = "FW-S32-77a"', "FW-S32-77"),
    ('disturbance = "relay-down"', 'disturbance = "relay-up"', "relay-up"),
    ('also = ["AM-3.1-84"]', 'also = ["AM-3.1-77"]', "AM-3.1-77"),
    ('cases = ["k01-plain"]', 'cases = ["k01-plain#12"]', "k01-plain#12"),
    ('en = "While', 'colour = "red"\nen = "While', "colour"),
    ('id = "FW-S32-03a"', 'id = "FW-S32-02a"', "twice"),
    ("[[check]]", "[[check", "TOML"),
]


@pytest.mark.parametrize(("old", "new", "words"), BROKEN)
def test_a_broken_catalogue_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, words: str
) -> None:
    shutil.copytree(SUITES / "am", tmp_path / "am")
    file = tmp_path / "am" / "checks.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(module, "SUITES", tmp_path)
    with pytest.raises(SpecError, match=re.escape(words)):
        load_catalogue.__wrapped__("am")


def test_a_missing_file_of_the_suite_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SUITES", tmp_path)
    with pytest.raises(SpecError, match=r"checks\.toml: ファイルがありません"):
        load_catalogue.__wrapped__("am")
    assert roles_with_suite() == ()


def test_folding_knows_no_catalogue() -> None:
    """A bundle of years ago folds as it did: `results` must not import the catalogue."""
    assert "catalogue" not in Path(fold.__code__.co_filename).read_text(encoding="utf-8")


def test_a_rule_of_the_validator_cites_rows_of_its_role() -> None:
    requirements = load_requirements()
    cited = [name for rule in load_rules().values() for name in rule.requirements]
    assert {requirements[name].roles for name in cited} == {("package",)}
