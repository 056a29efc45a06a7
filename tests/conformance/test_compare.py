"""Two runs beside each other: better, worse, new, gone, and conditions that differ; as table, JSON, paper, exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.events import Event, RunStarted
from conformance.evidence.bundle import make_bundle
from conformance.evidence.compare import CompareError, compare, read_run
from conformance.messages import Lang
from conformance.reporters.machine import as_dict
from conformance.reporters.papers.html import paper_html
from conformance.reporters.papers.retest import retest_paper
from conformance.reporters.write import write_reports
from conformance.results import fold
from conformance.verdicts import Raw
from tests.conformance.factory import plan_of, planned, stream, write_events
from tests.conformance.sample_runs import all_verdicts
from tests.conformance.test_reporters import compare as golden
from tests.testbed.cli_runs import shinsei

A, B, C, D, E = (f"AM-9.1-0{n}a" for n in range(1, 6))
BEFORE = stream(
    plan_of(planned(A), planned(B), planned(C, mandatory=False), planned(D)),
    {A: Raw.PASS, B: Raw.NONCONFORMITY, C: Raw.PASS, D: Raw.PASS},
)
AFTER = stream(
    plan_of(planned(A), planned(B), planned(C, mandatory=False, status="na"), planned(E)).model_copy(
        update={"seed": 8}
    ),
    {A: Raw.UNVERIFIED, B: Raw.PASS, E: Raw.PASS},
)


def test_what_changed_and_how() -> None:
    found = compare(as_dict(fold(BEFORE)), as_dict(fold(AFTER)))
    assert {one.check: one.change for one in found.rows} == {
        A: "worse", B: "better", C: "other", D: "gone", E: "new",
    }  # fmt: skip
    assert found.worse
    assert found.conditions == (("seed", "7", "8"),)
    assert found.same == 0


def test_a_run_beside_itself_is_the_same() -> None:
    found = compare(as_dict(fold(BEFORE)), as_dict(fold(BEFORE)))
    assert (found.rows, found.conditions, found.same, found.worse) == ((), (), 4, False)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_paper(lang: Lang) -> None:
    old, new = as_dict(fold(BEFORE)), as_dict(fold(AFTER))
    page = paper_html(retest_paper(old, new, compare(old, new), lang))
    golden(f"papers/saishiken.{lang}.html", page.partition("<style>")[0] + page.partition("</style>")[2])


def test_a_folder_a_file_and_a_bundle_are_the_same_run(tmp_path: Path) -> None:
    write_events(tmp_path / "events.ndjson", BEFORE)
    results = write_reports(tmp_path).results
    bundle = tmp_path / "b.zip"
    make_bundle(tmp_path, results, bundle, key=tmp_path / "k", certificate=tmp_path / "c.pem")
    runs = [read_run(one) for one in (tmp_path, tmp_path / "results.json", bundle)]
    assert all(not compare(runs[0], one).rows for one in runs)


@pytest.mark.parametrize(("name", "text"), [("x.json", "{}"), ("y.json", "["), ("z.zip", "PK")])
def test_what_is_no_run_is_one_sentence(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(CompareError, match=name) as told:
        read_run(tmp_path / name)
    assert "\n" not in str(told.value)


def test_the_command(tmp_path: Path) -> None:
    for name, events in (("old", BEFORE), ("new", AFTER)):
        (tmp_path / name).mkdir()
        write_events(tmp_path / name / "events.ndjson", events)
        write_reports(tmp_path / name)
    same = shinsei("report", "diff", "old", "old", cwd=tmp_path)
    assert (same.returncode, "違いはありません" in same.stdout) == (0, True)
    worse = shinsei("report", "diff", "old", "new", "--json", "--out", "paper", cwd=tmp_path)
    assert worse.returncode == 1
    assert {one["change"] for one in json.loads(worse.stdout)["rows"]} == {"worse", "better", "other", "gone", "new"}
    assert sorted(path.name for path in (tmp_path / "paper").iterdir()) == [
        "saishiken.en.html", "saishiken.html", "saishiken.xlsx",
    ]  # fmt: skip
    table = shinsei("report", "diff", "old", "new", cwd=tmp_path)
    assert "乱数種: 7 → 8" in table.stdout
    assert shinsei("report", "diff", "old", "none", cwd=tmp_path).returncode == 2


def better_then_worse() -> tuple[list[Event], list[Event]]:
    """The same plan: all passed, then failure, warning, review, unverified, error, and one check that is new."""
    after = all_verdicts()
    assert isinstance(after[0], RunStarted)
    plan = after[0].plan
    before = plan.model_copy(update={"checks": plan.checks[1:], "seed": 6})
    return stream(before, {one.id: Raw.PASS for one in before.checks if one.status == "run"}), after


@pytest.mark.parametrize(("name", "words"), [("ja.txt", []), ("en.txt", ["--lang", "en"]), ("json", ["--json"])])
@pytest.mark.parametrize("turned", [False, True], ids=["worse", "better"])
def test_what_the_command_prints(name: str, words: list[str], turned: bool, tmp_path: Path) -> None:
    for folder, events in zip(("old", "new"), better_then_worse(), strict=True):
        (tmp_path / folder).mkdir()
        write_events(tmp_path / folder / "events.ndjson", events)
        write_reports(tmp_path / folder)
    order = ["new", "old"] if turned else ["old", "new"]
    done = shinsei("report", "diff", *order, *words, cwd=tmp_path, env={"COLUMNS": "120"})
    golden(f"diff-{'better' if turned else 'worse'}.{name}", done.stdout)
    assert done.returncode == 1  # worse, or a check that is gone
