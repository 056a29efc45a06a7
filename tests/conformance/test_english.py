"""The English outputs: every word of ours is English; Japanese stands in quotes or comes from the product."""

from __future__ import annotations

import html
import io
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from conformance import messages
from conformance.catalogue import SUITES
from conformance.events import Event, RunInterrupted, RunTrouble, StepFinished
from conformance.firewall.plan_lab import Declared, make_lab_plan
from conformance.firewall.tricks import NOT_TESTABLE
from conformance.package_run import package_plan
from conformance.plan import Plan
from conformance.reporters.english import assumed, cite, clause, marks, provenance, why
from conformance.reporters.html import report_html
from conformance.reporters.papers.html import paper_html
from conformance.reporters.terminal import print_results
from conformance.results import Results, fold
from conformance.suites.package.findings import load_rules
from conformance.verdicts import Raw
from interface_spec.procedures import PROCEDURES
from interface_spec.profile import load_profile
from interface_spec.requirements import load_requirements
from tests.conformance.factory import AT, stream
from tests.conformance.targets import GOOD, target_of
from tests.conformance.test_doctor import plan_for
from tests.conformance.test_papers import EVERY
from tests.firewall.data import baseline

JAPANESE = re.compile("[\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff々〇]")
QUOTED = re.compile(r"「[^」]*」|\((?=[^\x00-\x7f])[^()]*\)|ぴったりサービス")
"""What may stand in an English sentence: a name of the contract in quotes, a term that the English word stands for."""


def pieces(page: str) -> Iterator[str]:
    """The words of a page: text and what a screen reader says."""
    page = re.sub(r"(?s)<(style|script).*?</\1>", "", page)
    yield from re.findall(r'(?:alt|aria-label|title|data-label|content)="([^"]*)"', page)
    yield from (html.unescape(one).strip() for one in re.split(r"<[^>]+>", page))


def japanese_in(texts: Iterator[str] | list[str]) -> list[str]:
    return [one for one in texts if JAPANESE.search(QUOTED.sub("", one))]


def english_target(folder: Path) -> Plan:
    text = GOOD.replace("申請管理 試作品", "Prototype").replace("製造者", "Maker")
    for statement in ("提供している", "動いている"):
        text = text.replace(statement, "it is")
    assert not JAPANESE.search(text)
    (folder / "target.toml").write_text(text, encoding="utf-8")
    from conformance.target import load_target

    return plan_for(load_target(folder / "target.toml"))


def every_verdict(plan: Plan) -> list[Event]:
    """Each kind of outcome in turn, over all of the role's checks, with trouble and an interruption."""
    outcomes = list(Raw)
    active = [one.id for one in plan.checks if one.status == "run"]
    events = stream(plan, {name: outcomes[number % len(outcomes)] for number, name in enumerate(active[:-2])})
    events = [one.model_copy(update={"message": "3"}) if isinstance(one, StepFinished) else one for one in events]
    events.insert(1, RunTrouble(at=AT, kind="harness", ja="誤り", en="trouble"))
    return [*events[:-1], RunInterrupted(at=AT, signal="SIGTERM"), events[-1]]


@pytest.fixture(params=["am", "package", "fw", "relay"])
def results(request: pytest.FixtureRequest, tmp_path: Path) -> Results:
    if request.param == "am":
        return fold(every_verdict(english_target(tmp_path)))
    if request.param != "package":
        product = {"name": "x", "version": "1", "vendor": "v"}
        declared = Declared(baseline(), request.param)
        lab = make_lab_plan(run_id="r", declared=declared, product=product, reference_date=date(2026, 1, 15))
        return fold(every_verdict(lab))
    plan = package_plan(run_id="r", profile=load_profile("baseline"), overlay="", files=[], today=date(2026, 1, 15))
    return fold(every_verdict(plan))


def test_the_page(results: Results) -> None:
    page = report_html(results, lang="en")
    assert results.plan is not None
    assert ("Why it matters" in page) == (results.plan.role != "package")
    assert japanese_in(pieces(page)) == []


def test_the_terminal(results: Results) -> None:
    out = io.StringIO()
    console = Console(file=out, width=400, force_terminal=False)
    print_results(results, console, "en", report=None, gate_waived=False)
    assert japanese_in(out.getvalue().splitlines()) == []


@pytest.mark.parametrize("name", EVERY)
def test_the_papers(name: str, tmp_path: Path) -> None:
    plan = english_target(tmp_path)
    whole = stream(plan, {one.id: Raw.PASS for one in plan.checks if one.status == "run"})
    made = fold(whole if name == "seiseki" else every_verdict(plan))
    assert made.plan is not None
    assert japanese_in(pieces(paper_html(EVERY[name](made.plan, made, "en")))) == []


def test_every_requirement_has_its_english_words() -> None:
    for one in load_requirements().values():
        assert bool(one.why) == bool(one.why_en), one.id
        texts = [one.en, one.source_en, one.why_en, clause(one.clause, "en")]
        assert japanese_in(texts) == [], one.id
        assert not one.why_en or one.why_en.endswith("."), one.id


def test_every_rule_of_a_package_has_its_english_words() -> None:
    for one in load_rules().values():
        assert japanese_in([one.en, clause(one.clause, "en")]) == [], one.id


def test_every_english_word_of_the_suites_is_english() -> None:
    files = [*SUITES.rglob("*.toml"), *PROCEDURES.glob("*.toml")]
    assert len(files) > 5
    for path in files:
        assert japanese_in(english_values(tomllib.loads(path.read_text(encoding="utf-8")))) == [], path.name


def english_values(data: object) -> Iterator[str]:
    """Every value of a key ``en`` or ``…_en``."""
    entries = (
        data.items() if isinstance(data, dict) else ((None, one) for one in data) if isinstance(data, list) else ()
    )
    for key, value in entries:
        if isinstance(value, str) and key is not None and (key == "en" or key.endswith("_en")):
            yield value
        else:
            yield from english_values(value)


def test_every_word_of_the_catalogue_of_messages_is_there_in_english() -> None:
    tables = messages._catalogue()
    assert [pair for table in tables.values() for pair in table.values() if JAPANESE.search(pair[1])] == []
    assert not [ja for ja, en in NOT_TESTABLE.values() if JAPANESE.search(en)]


@pytest.mark.parametrize(
    ("ja", "en"),
    [
        ("5章③-1 図表16", "ch. 5 ③-1 fig. 16"),
        ("3章3.3(1)②、5章前文、6章前文", "ch. 3 3.3(1)②, ch. 5, introduction, ch. 6, introduction"),
        ("6章6.2(1)アA", "ch. 6 6.2(1) a-A"),
        ("付録1", "Appendix 1"),
        ("2.1", "2.1"),
    ],
)
def test_a_place_in_a_source(ja: str, en: str) -> None:
    assert clause(ja, "en") == en
    assert clause(ja, "ja") == ja


def test_a_run_from_before_the_english_words_shows_the_japanese_ones(tmp_path: Path) -> None:
    plan = plan_for(target_of(tmp_path))
    one = next(iter(plan.requirements.values()))
    old = one.model_copy(update={"why_en": "", "source_en": ""})
    assert why(old, "en") == old.why
    assert cite(old, "en").startswith(old.source)
    assert why(one, "en") == one.why_en
    assert cite(one, "ja") == f"{one.source} {one.clause}"


def test_marks_and_assumptions_in_both_languages() -> None:
    text = "Bearer ［秘匿］ ［伏字 3字 ab12］ ［伏字 2字］"
    assert marks(text, "ja") == text
    assert marks(text, "en") == "Bearer [secret] [masked: 3 characters ab12] [masked: 2 characters]"
    assert assumed("surfaces.link.full.atena_no", "宛名番号", "en") == "atena no 「宛名番号」"
    assert assumed("lab", "規則 / rules", "en") == "rules"
    assert assumed("lab", "規則 / rules", "ja") == "規則"
    assert provenance("仮定", "en") == "assumed"
    assert provenance("?", "en") == "?"
