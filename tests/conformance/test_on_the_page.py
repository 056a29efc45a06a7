"""No word of a product, however long, pushes anything off a report or a paper: desk, narrow window, phone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from conformance.adapters.base import OperatorAway
from conformance.adapters.desk import Desk
from conformance.adapters.desk_page import Page
from conformance.adapters.questions import Choice, Field, Question
from conformance.events import (
    ApplicationsGiven,
    ApplicationsSeen,
    Event,
    GivenApplication,
    GivenPerson,
    RegistersGiven,
    RoundStarted,
    RunWarning,
    SeenApplication,
    StepFinished,
)
from conformance.evidence.compare import compare
from conformance.messages import Lang
from conformance.plan import PlannedAttestation, Waiver
from conformance.reporters.html import report_html
from conformance.reporters.machine import as_dict
from conformance.reporters.papers.cleanup import cleanup_paper
from conformance.reporters.papers.connection import connection_paper
from conformance.reporters.papers.html import paper_html
from conformance.reporters.papers.retest import retest_paper
from conformance.reporters.papers.seiseki import seiseki_paper, what_is_open
from conformance.results import fold
from conformance.verdicts import Raw
from interface_spec.requirements import FEATURES, load_requirements
from testbed.inquiry import RequestForInformation, write_page
from tests.conformance.browser import CHROMIUM, on_paper, run_off
from tests.conformance.factory import AT, ended, evidence, plan_of, planned, stream
from tests.conformance.sample_runs import RUNS, hostile
from tests.testbed.cli_runs import until

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium がありません / there is no Chromium"),
]

LONG = "長い語の無い文でも、" + "W" * 180 + "/" + "ｗ" * 90 + " " + "あ" * 120
"""One word that no browser breaks by itself, and others."""


def wordy() -> list[Event]:
    """Every place that a product, a person or a policy can fill, filled with a word without end."""
    plan = plan_of(
        planned("AM-9.1-01a", headline="endtoend", procedures=("K01",)),
        planned("AM-9.1-02a", waiver=LONG),
        planned("AM-9.1-03a", status="na", reason=LONG),
        planned("AM-9.2-04a", function="3.2", mandatory=False, deciding=False),
        planned("AM-9.5-10a", function="3.5", verdict="contract"),
        attestations=[
            PlannedAttestation(requirement="AM-9.5-06", statement=LONG, by=LONG, date="2026-01-01"),
            PlannedAttestation(requirement="AM-9.5-07"),
        ],
        methods={"K01": "iv", "C01": "iv"},
        product=LONG,
    )
    plan = plan.model_copy(
        update={
            "waivers": (Waiver(check="AM-9.1-02a", reason=LONG, owner=LONG, expires=date(2026, 12, 31)),),
            "not_carried": {"C01": LONG},
            "started_by": LONG[:190],
            "profile": plan.profile.model_copy(
                update={"overlay": LONG, "assumptions": ((f"surfaces.{'x' * 120}", LONG, "仮定"),)}
            ),
            "requirements": {
                name: one.model_copy(update={"ja": LONG, "en": LONG, "why": LONG})
                for name, one in plan.requirements.items()
            },
        }
    )
    found = ended("AM-9.1-01a", Raw.NONCONFORMITY).finding
    assert found is not None
    finding = found.model_copy(
        update=dict.fromkeys(("ja", "en", "sent", "expected", "actual", "case"), LONG)
        | {"evidence": [evidence(LONG, LONG)]}
    )
    events = stream(plan, {"AM-9.1-02a": Raw.NONCONFORMITY, "AM-9.2-04a": Raw.REVIEW, "AM-9.5-10a": Raw.PASS})
    person = GivenPerson(name=LONG, juki_atena_no="0" * 15, numbers={"jido_teate": "9" * 60})
    given = GivenApplication(case="k01-plain", receipt_no="R" * 60, procedure="K01", persons=(person,))
    events[1:1] = [
        RegistersGiven(at=AT, links=2, persons={"jido_teate": 3}, file="test-registers.csv", sha256="ab" * 32),
        ApplicationsGiven(at=AT, round="none", applications=(given,)),
        RoundStarted(at=AT, round="none", number=1, of=1, ja=LONG, en=LONG),
        StepFinished(at=AT, round="none", step=f"import:{'y' * 100}", ok=False, message=LONG, seconds=12345.67),
    ]
    seen = SeenApplication(
        case="k01-plain", receipt_no="R" * 60, procedure="K01", acceptable=True, stages=("imported",)
    )
    events[-1:-1] = [
        ended("AM-9.1-01a", Raw.NONCONFORMITY, finding),
        ApplicationsSeen(at=AT, round="none", applications=(seen,)),
        RunWarning(at=AT, ja=LONG, en=LONG),
    ]
    return events


def pages(events: list[Event], lang: Lang) -> dict[str, str]:
    """Everything in HTML that a run gives."""
    results = fold(events)
    found = {"report": report_html(results, lang=lang)}
    plan = results.plan
    if plan is not None:
        made = {
            "katazuke": cleanup_paper(plan, results, lang),
            "setsuzoku": connection_paper(plan, results, lang),
        }
        if not what_is_open(results):
            made["seiseki"] = seiseki_paper(plan, results, lang)
        found |= {name: paper_html(paper) for name, paper in made.items()}
        old, new = as_dict(fold(RUNS["conformant"]())), as_dict(results)
        found["retest"] = paper_html(retest_paper(old, new, compare(old, new), lang))
    return found


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("name", ["wordy", "hostile", *RUNS])
def test_nothing_runs_off_the_page(name: str, lang: Lang, tmp_path: Path) -> None:
    events = {"wordy": wordy, "hostile": hostile, **RUNS}[name]()
    assert run_off(pages(events, lang), tmp_path) == []


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_on_paper_every_assumption_can_be_read_and_the_contents_stay(lang: Lang, tmp_path: Path) -> None:
    plan = plan_of(planned("AM-9.1-01a"))
    places = [f"surfaces.download.item-{number}" for number in range(150)]
    assumed = tuple((place, "account", "仮定") for place in places)
    plan = plan.model_copy(update={"profile": plan.profile.model_copy(update={"assumptions": assumed})})
    sheets = on_paper(report_html(fold(stream(plan, {"AM-9.1-01a": Raw.PASS})), lang=lang), tmp_path)
    text = "\n".join(sheets)
    assert [place for place in places if place not in text] == []
    assert text.count("仮定" if lang == "ja" else "assumed") >= len(places)
    assert {"ja": "指摘事項", "en": "Findings"}[lang] in sheets[0].partition("AM-9.1-01a")[0]


def test_on_paper_no_procedure_id_is_broken_in_two(tmp_path: Path) -> None:
    plan = plan_of(planned("AM-9.1-01a", procedures=("K01",)), methods={"K01": "iv"})
    paper = connection_paper(plan, fold(stream(plan, {})), "ja")
    text = "\n".join(on_paper(paper_html(paper), tmp_path))
    ids = [f"K{number:02d}" for number in range(1, 16)] + [f"C{number:02d}" for number in range(1, 12)]
    assert [one for one in ids if one not in text] == []


def test_the_inquiry_sheet_is_readable_at_every_width(tmp_path: Path) -> None:
    known = tuple(one for one in load_requirements().values() if "am" in one.roles)
    longer = tuple(one.model_copy(update={"ja": LONG, "clause": LONG}) for one in known[:3])
    request = RequestForInformation({"am": (*known, *longer)}, {known[0].id: ["AM-9.1-01a"] * 9}, FEATURES)
    write_page(request, tmp_path / "hyo.html")
    page = (tmp_path / "hyo.html").read_text(encoding="utf-8")
    assert "A4 landscape" in page
    assert run_off({"hyo": page}, tmp_path) == []


@pytest.mark.parametrize("rows", [("",), ("R" * 60, "991236ABCDEF")])
def test_the_operators_page_holds_every_question(rows: tuple[str, ...], tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    page = Page(desk, 0)
    long = Choice("long", LONG, LONG)
    fields = tuple(
        one
        for row in rows
        for one in (
            Field(f"{row}.choice", LONG, LONG, "choice", (long,), row=row),
            Field(f"{row}.text", LONG, LONG, "text", row=row),
            Field(f"{row}.rows", LONG, LONG, "rows", row=row),
            Field(f"{row}.file", LONG, LONG, "file", row=row),
        )
    )
    question = Question("none:x", LONG, LONG, fields)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(desk.ask, question, 1.5)
        assert until(lambda: desk.open is not None, 5)
        shown = page.render(wrong=LONG)
        assert isinstance(asked.exception(20), OperatorAway)
    page.close()
    desk.close()
    assert LONG.split("/")[0] in shown
    assert run_off({"desk": shown}, tmp_path) == []
