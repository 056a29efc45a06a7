"""The hostile corpus against the validator: the expected rules, exactly; in bounded memory, and the same every time."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from conformance.suites.package import documents, names, values
from conformance.suites.package.consistency import Listed
from conformance.suites.package.findings import load_rules
from conformance.suites.package.validate import Validator
from fixtures.errors import FixtureError, NotExpressible
from fixtures.hostile import HostilePackage, build, load_corpus
from fixtures.hostile.corpus import VERBS, HostileRecipe
from fixtures.world import World
from interface_spec.profile import load_profile

ODD = Path(__file__).parent / "odd.toml"
SUITE = Path(__file__).parents[2] / "conformance" / "suites" / "package"


@pytest.fixture(scope="module")
def corpus(world: World) -> dict[str, HostilePackage]:
    return {name: build(world, name) for name in load_corpus()}


def listed(package: HostilePackage) -> Listed:
    return Listed(package.receipt_no, package.dantai_code, package.procedure_id)


@pytest.mark.parametrize("name", load_corpus())
def test_the_validator_reports_exactly_these_rules(name: str, corpus: dict[str, HostilePackage]) -> None:
    package = corpus[name]
    report = Validator().validate(package.zip_bytes, listed(package))
    assert report.rules == set(package.recipe.rules)
    levels = {load_rules()[rule].level for rule in package.recipe.rules}
    assert report.conforming == ("nonconformity" not in levels)
    for finding in report.findings:
        assert finding.place
        assert finding.expected
        assert finding.rule.clause


def test_the_quick_look_changes_no_finding(
    world: World, corpus: dict[str, HostilePackage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is settled for all names or rows at once is settled the same name by name and row by row, in the same order."""
    packages = [one.zip_bytes for one in corpus.values()]
    packages += [world.case(name).zip_bytes for name in world.case_names()]
    quick = [Validator().validate(one) for one in packages]
    monkeypatch.setattr(documents.Plan, "plain_rows", lambda *_: None)
    monkeypatch.setattr(names, "_all_plain", lambda _: False)
    monkeypatch.setattr(values, "known_texts", lambda *_: {})
    monkeypatch.setattr(values, "_ISO", {})
    monkeypatch.setattr(documents, "known_texts", lambda *_: {})
    for one, report in zip(packages, quick, strict=True):
        assert Validator().validate(one) == report


def test_the_corpus_is_large_and_says_why() -> None:
    recipes = load_corpus().values()
    assert len(recipes) >= 150
    assert {one.outcome for one in recipes} == {"refuse", "accept"}
    assert all(one.reason and one.ja for one in recipes)
    assert all(one.rules for one in recipes if one.outcome == "refuse")


def test_what_must_be_refused_never_conforms(corpus: dict[str, HostilePackage]) -> None:
    rules = load_rules()
    for package in corpus.values():
        if package.recipe.outcome == "refuse":
            assert any(rules[rule].level == "nonconformity" for rule in package.recipe.rules), package.recipe.name


def test_every_rule_is_used_and_met_by_the_corpus() -> None:
    named = {rule for one in load_corpus().values() for rule in one.rules}
    source = "\n".join(path.read_text(encoding="utf-8") for path in SUITE.glob("*.py"))
    used = set(re.findall(r'"(PKG-[A-Z]+-[A-Z0-9]+)"', source))
    assert used == set(load_rules())
    assert set(load_rules()) - named == {"PKG-ZIP-SIZE", "PKG-APP-UNKNOWN"}


def test_the_same_bytes_every_time(world: World, corpus: dict[str, HostilePackage]) -> None:
    again = World(seed=world.seed, reference_date=world.reference_date)
    for name in ("slip-parent", "bomb-overlap-quoted", "encrypted-all", "attach-macro-docx", "xml-cdata"):
        assert build(again, name).sha256 == corpus[name].sha256
        assert build(again, name).manifest == corpus[name].manifest
    other = World(seed=world.seed + 1, reference_date=world.reference_date)
    assert build(other, "slip-parent").sha256 != corpus["slip-parent"].sha256


def test_receipt_numbers_are_distinct(corpus: dict[str, HostilePackage]) -> None:
    assert len({one.receipt_no for one in corpus.values()}) == len(corpus)


@contextmanager
def written(corpus: dict[str, HostilePackage], folder: Path) -> Iterator[list[str]]:
    for name, package in corpus.items():
        (folder / f"{name}.zip").write_bytes(package.zip_bytes)
    yield [str(path) for path in sorted(folder.glob("*.zip"))]


_PEAK = (
    "import sys\n"
    "from pathlib import Path\n"
    "from conformance.suites.package.validate import Validator\n"
    "validator = Validator()\n"
    "for name in sys.argv[1:]:\n"
    "    validator.validate_file(Path(name))\n"
    "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
)


def test_all_are_judged_in_256_mebibytes(corpus: dict[str, HostilePackage], tmp_path: Path) -> None:
    with written(corpus, tmp_path) as files:
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, *files], capture_output=True, text=True, check=True, cwd=SUITE.parents[2]
        )
    assert int(done.stdout) < 256 * 1024


def test_another_profile_builds_or_says_why(world: World) -> None:
    """Under a profile that differs everywhere the container's damage is the same; what cannot be written is named."""
    profile = load_profile("baseline", ODD)
    odd = World(seed=1, reference_date=date(2026, 11, 24), profile=profile)
    validator, built = Validator(profile), 0
    for name, recipe in load_corpus().items():
        try:
            package = build(odd, name)
        except NotExpressible:
            continue
        built += 1
        report = validator.validate(package.zip_bytes, listed(package))
        if recipe.outcome == "refuse" and any(rule.startswith("PKG-ZIP") for rule in recipe.rules):
            assert not report.conforming, name
    assert built > 150


def test_a_misspelt_verb_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"renam.*rename"):
        HostileRecipe(name="x", ja="x", outcome="refuse", reason="x", use=({"do": "renam"},))
    assert "rename" in VERBS


def test_an_unknown_package_names_near_ones(world: World) -> None:
    with pytest.raises(KeyError, match="slip-parent"):
        build(world, "slip-parnt")


def test_an_unknown_part_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = HostileRecipe(name="x", ja="x", outcome="refuse", reason="x", use=({"do": "hide", "part": "nothing"},))
    monkeypatch.setitem(load_corpus(), "x", recipe)
    with pytest.raises(FixtureError, match="nothing"):
        build(world, "x")
