"""Papers against golden files, in both languages and as workbooks: what they say, and what they never say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from openpyxl import load_workbook

from conformance.events import (
    ApplicationsGiven,
    ApplicationsSeen,
    Event,
    GivenApplication,
    GivenPerson,
    RegistersGiven,
    SeenApplication,
)
from conformance.messages import Lang
from conformance.plan import Plan, Waiver
from conformance.planner import carried_cases, make_plan, to_carry
from conformance.reporters.machine import as_dict
from conformance.reporters.papers.cleanup import cleanup_paper
from conformance.reporters.papers.connection import connection_paper
from conformance.reporters.papers.connection_file import ConnectionFileError, Declared, load_connections
from conformance.reporters.papers.html import paper_html
from conformance.reporters.papers.model import Paper
from conformance.reporters.papers.seiseki import seiseki_paper, what_is_open
from conformance.reporters.papers.write import write_papers
from conformance.reporters.papers.xlsx import write_paper_xlsx
from conformance.reporters.write import write_reports
from conformance.results import Results, fold
from conformance.target import load_target
from conformance.verdicts import Raw
from fixtures.world import World
from interface_spec.procedures import load_procedures
from tests.conformance.factory import AT, plan_of, planned, stream, write_events
from tests.conformance.sample_runs import HOSTILE, RUNS
from tests.conformance.targets import GOOD, write_target
from tests.conformance.test_reporters import STEERING, compare
from tests.interface_spec.overlays import laid_over

Make = Callable[[Plan, Results, Lang], Paper]
EVERY: dict[str, Make] = {"katazuke": cleanup_paper, "setsuzoku": connection_paper, "seiseki": seiseki_paper}


def carried(text: str = "甲野　花子") -> list[Event]:
    """A complete run that failed one check under a waiver and carried two procedures: one to the end, one half-way."""
    plan = plan_of(
        planned("AM-9.1-01a", procedures=("K01",), headline="endtoend"),
        planned("AM-9.1-02a", waiver="改修予定"),
        planned("AM-9.5-10a", function="3.5", verdict="contract"),
        methods={"K01": "iv", "C01": "iv", "K10": "i"},
        product=text,
    ).model_copy(
        update={"waivers": (Waiver(check="AM-9.1-02a", reason=text, owner="鈴木", expires=date(2026, 12, 31)),)}
    )
    outcomes = {"AM-9.1-01a": Raw.PASS, "AM-9.1-02a": Raw.NONCONFORMITY, "AM-9.5-10a": Raw.PASS}
    person = GivenPerson(name=text, juki_atena_no="000000000000011", numbers={"jido_teate": "J-1"})
    given = GivenApplication(case="k01-plain", receipt_no="R-1", procedure="K01", persons=(person,))
    other = GivenApplication(case="c01-self", receipt_no="R-2", procedure="C01", persons=(person,))
    events = stream(plan, outcomes)
    events[1:1] = [
        RegistersGiven(at=AT, links=2, persons={"jido_teate": 3}, file="test-registers.csv", sha256="ab" * 32),
        ApplicationsGiven(at=AT, round="none", applications=(given, other)),
    ]
    whole = ("imported", "stored", "identified", "reviewed", "handed", "acknowledged")
    events.insert(
        -1,
        ApplicationsSeen(
            at=AT,
            round="none",
            applications=(
                SeenApplication(case="k01-plain", receipt_no="R-1", procedure="K01", acceptable=True, stages=whole),
                SeenApplication(case="c01-self", receipt_no="R-2", procedure="C01", acceptable=True, stages=whole[:2]),
                SeenApplication(case="k01-bad", receipt_no="R-3", procedure="K02", acceptable=False, stages=whole[:1]),
            ),
        ),
    )
    return events


def made(make: Make, events: list[Event], lang: Lang = "ja") -> Paper:
    results = fold(events)
    assert results.plan is not None
    return make(results.plan, results, lang)


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("name", EVERY)
def test_html(name: str, lang: Lang) -> None:
    page = paper_html(made(EVERY[name], carried(), lang))
    compare(f"papers/{name}.{lang}.html", page.partition("<style>")[0] + page.partition("</style>")[2])


@pytest.mark.parametrize("name", EVERY)
def test_xlsx_says_what_the_page_says(name: str, tmp_path: Path) -> None:
    paper = made(EVERY[name], carried())
    write_paper_xlsx(paper, tmp_path / "p.xlsx")
    book = load_workbook(tmp_path / "p.xlsx")
    text = "\n".join(
        f"[{sheet.title}] " + " | ".join(str(cell.value) for cell in row if cell.value is not None)
        for sheet in book
        for row in sheet.iter_rows()
    )
    compare(f"papers/{name}.xlsx.txt", text + "\n")


@pytest.mark.parametrize("name", EVERY)
def test_what_a_product_says_is_text_in_every_paper(name: str, tmp_path: Path) -> None:
    page = paper_html(made(EVERY[name], carried(HOSTILE)))
    assert "<script>" not in page
    assert not STEERING.search(page)
    write_paper_xlsx(made(EVERY[name], carried("=HYPERLINK(1)")), tmp_path / "p.xlsx")
    cells = [cell for sheet in load_workbook(tmp_path / "p.xlsx") for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}


class TestCertificate:
    @pytest.mark.parametrize("name", ["all-verdicts", "interrupted", "killed"])
    def test_none_while_anything_is_open(self, name: str, tmp_path: Path) -> None:
        results = fold(RUNS[name]())
        assert what_is_open(results)
        assert results.plan is not None
        with pytest.raises(ValueError, match=r".+"):
            seiseki_paper(results.plan, results, "ja")
        write_papers(results, tmp_path)
        assert sorted(path.name for path in (tmp_path / "papers").glob("*.html")) == [
            "katazuke.en.html", "katazuke.html", "setsuzoku-jokyo.en.html", "setsuzoku-jokyo.html",
        ]  # fmt: skip

    def test_one_of_an_earlier_reading_goes_when_something_is_open_now(self, tmp_path: Path) -> None:
        write_papers(fold(carried()), tmp_path)
        assert (tmp_path / "papers" / "shiken-seisekisho.xlsx").is_file()
        write_papers(fold(carried()[:-1]), tmp_path)
        assert not list((tmp_path / "papers").glob("shiken-seisekisho*"))

    def test_no_mutant_is_certified(self) -> None:
        plan = plan_of(planned("AM-9.1-01a"), mutant="serial-wins")
        assert what_is_open(fold(stream(plan, {"AM-9.1-01a": Raw.PASS}))) == ["変異体の実施である"]

    def test_a_failure_is_printed_as_one_and_its_waiver_beside_it(self) -> None:
        page = paper_html(made(seiseki_paper, carried()))
        assert "不適合（免除あり）" in page
        assert "鈴木" in page
        assert "この成績書だけでは証拠にならない" in page

    def test_a_run_without_a_plan_has_no_papers(self, tmp_path: Path) -> None:
        assert write_papers(fold(RUNS["trouble"]()), tmp_path) == []


class TestConnection:
    def rows(self, declared: dict[str, Declared] | None = None) -> dict[str, list[str]]:
        results = fold(carried())
        assert results.plan is not None
        paper = connection_paper(results.plan, results, "ja", declared)
        return {
            str(row[0]): [one if isinstance(one, str) else one.text for one in row]
            for table in paper.tables
            for row in table.rows
        }

    def test_the_26_the_two_of_moving_and_the_disaster_certificate(self) -> None:
        rows = self.rows()
        assert sum(name[0] in "KC" for name in rows) == 26
        assert set(rows) - {name for name in rows if name[0] in "KC"} == {"M01", "M02", "D01"}
        assert set(rows) <= set(load_procedures())

    def test_how_far_and_why_not(self) -> None:
        rows = self.rows()
        assert rows["K01"][3:6] == ["基幹の受領確認まで（1 件のうち 1 件）", "運びきった", ""]
        assert rows["C01"][3:5] == ["格納まで（1 件のうち 1 件）", "途中まで"]
        assert rows["K02"][3:5] == ["―", "方式の宣言なし"]  # only an application that had to be refused
        assert rows["K10"][4:6] == ["未検証", "宣言だけで、この要件集の検査にはこの手続の事例が無い"]
        assert "6.2(1)" in rows["K08"][5]

    def test_what_the_profile_cannot_carry_is_told_with_the_reason_everywhere(self, tmp_path: Path) -> None:
        short = laid_over(tmp_path, "[package.documents.form.row.label]\nlength = 14\n")
        methods = ('{ K01 = "iv", C01 = "iv" }', '{ K01 = "iv", C01 = "iv", D01 = "ii" }')
        (tmp_path / "two").mkdir()
        target = load_target(write_target(tmp_path / "two", GOOD.replace('"C01"]', '"C01", "D01"]').replace(*methods)))
        world = World(seed=7, reference_date=AT.date(), profile=short, carried=to_carry(target))
        plan = make_plan(
            run_id="r",
            target=target,
            profile=short,
            world_version="1",
            reference_date=AT.date(),
            today=AT.date(),
            carried=carried_cases(world, target),
        )
        assert "d01-carried" not in plan.rounds[0].cases
        results = fold(stream(plan, {}))
        why = as_dict(results)["run"]["not_carried"]["D01"]
        assert "項目名" in why
        assert "14" in why
        assert "長さ 14 を超えます" in paper_html(connection_paper(plan, results, "ja"))
        assert "longer than the profile allows" in paper_html(connection_paper(plan, results, "en"))
        (row,) = [one for one in connection_paper(plan, results, "ja").tables[2].rows if one[0] == "D01"]
        assert str(row[5]).startswith("このプロファイルでは申請を表せないため、運んでいない: ")

    def test_a_procedure_whose_every_check_is_out_of_scope_says_why(self) -> None:
        plan = plan_of(
            planned(procedures=("K01",), status="na", reason="事例 k01-plain はこの上書きプロファイルでは表せない"),
            methods={"K01": "iv"},
        )
        results = fold(stream(plan, {}))
        (row,) = [one for one in connection_paper(plan, results, "ja").tables[0].rows if one[0] == "K01"]
        assert row[5] == "事例 k01-plain はこの上書きプロファイルでは表せない"

    def test_the_municipality_adds_reasons_and_who_accepted_them(self, tmp_path: Path) -> None:
        path = tmp_path / "setsuzoku.toml"
        path.write_text(
            '[K08]\nstatus = "しない"\nreason = "公会計でない"\napproved_by = "〇〇"\ndate = 2026-04-01\n'
            '[K03]\nstatus = "予定"\nmethod = "iii"\n',
            encoding="utf-8",
        )
        rows = self.rows(load_connections(path))
        assert rows["K08"][4:] == ["接続しない（申告）", "公会計でない", "〇〇 2026-04-01"]
        assert rows["K03"][4] == "予定"

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ('[Z99]\nstatus = "予定"', "Z99"),
            ('[K01]\nstatus = "たぶん"', "K01.status"),
            ('[K01]\nstatus = "しない"', "K01.reason"),
            ("K01", "TOML"),
        ],
    )
    def test_a_bad_file_is_one_sentence(self, text: str, place: str, tmp_path: Path) -> None:
        path = tmp_path / "s.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConnectionFileError, match=place) as told:
            load_connections(path)
        assert "\n" not in str(told.value)

    @pytest.mark.parametrize("lang", ["ja", "en"])
    def test_it_never_speaks_of_subsidy_conditions_as_met(self, lang: Lang) -> None:
        page = paper_html(made(connection_paper, carried(), lang))
        for words in ("補助要件充足", "要件を充足", "要件充足", "fulfils the"):
            assert words not in page
        assert "判定しない" in page or "does not judge" in page


def test_a_killed_run_still_tells_what_to_remove(tmp_path: Path) -> None:
    """Only plan, registers and given applications were written."""
    write_events(tmp_path / "events.ndjson", carried()[:3])
    write_reports(tmp_path)
    page = (tmp_path / "papers" / "katazuke.html").read_text(encoding="utf-8")
    for words in ("R-1", "R-2", "000000000000011", "test-registers.csv", "途中で打ち切られた"):
        assert words in page, words
