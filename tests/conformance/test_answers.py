"""回答と実測: a filled inquiry sheet, as vendors fill it, beside the verdicts of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook

from conformance.reporters.papers.answers import (
    Answer,
    AnswersError,
    answers_paper,
    compared,
    differences,
    read_answers,
)
from conformance.reporters.papers.html import paper_html
from conformance.reporters.papers.model import Cell
from conformance.results import fold
from conformance.verdicts import Verdict
from interface_spec.requirements import FEATURES, load_requirements
from testbed.inquiry import RequestForInformation, write_page, write_workbook
from tests.conformance.sample_runs import RUNS
from tests.conformance.test_reporters import compare
from tests.testbed.cli_runs import shinsei

GIVEN = {
    "AM-9.1-01": Answer("◎", ""),
    "AM-9.1-02": Answer("◎", "標準機能"),
    "AM-9.2-03": Answer("○", "次の版"),
    "AM-9.2-04": Answer("◎", ""),
    "AM-9.3-06": Answer("◎", ""),
    "AM-9.4-09": Answer("△", "帳票で"),
    "AM-9.5-10": Answer("×", "=1+1"),
    "AM-9.5-06": Answer("◎", ""),
    "AM-9.3-05": Answer("たぶん", ""),
    "AM-8.1-01": Answer("◎", "この実施に無い要件"),
}


def asked() -> RequestForInformation:
    wanted = [one for one in load_requirements().values() if "am" in one.roles and one.set == "tejunsho-1.0"]
    return RequestForInformation({"am": tuple(wanted[:6])}, {wanted[0].id: ["AM-3.0-01a"]}, FEATURES)


def filled(path: Path, marks: list[str]) -> Path:
    """The sheet as a vendor gives it back."""
    write_workbook(asked(), path)
    book = load_workbook(path)
    sheet = book["am 申請管理システム"]
    head = [cell.value for cell in sheet[1]]
    for row, mark in enumerate(marks, 2):
        sheet.cell(row, head.index("回答") + 1).value = mark
        sheet.cell(row, len(head)).value = f"備考 {row}"
    book.save(path)
    return path


def test_a_filled_sheet_is_read_with_the_marks_that_people_write(tmp_path: Path) -> None:
    found = read_answers(filled(tmp_path / "a.xlsx", ["◎", "〇", "△", "x", "はい"]), "am")
    names = [one.id for one in asked().sheets["am"]]
    assert [found[name].mark for name in names] == ["◎", "○", "△", "×", "はい", ""]
    assert found[names[0]].remark == "備考 2"


@pytest.mark.parametrize(("name", "data"), [("no.xlsx", None), ("bad.xlsx", b"PK\x03\x04"), ("text.xlsx", b"a,b")])
def test_a_sheet_that_cannot_be_read_is_one_sentence(name: str, data: bytes | None, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(AnswersError, match=name) as told:
        read_answers(tmp_path / name, "am")
    assert "\n" not in str(told.value)


def test_the_sheet_of_another_role_is_told(tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match="relay"):
        read_answers(filled(tmp_path / "a.xlsx", ["◎"]), "relay")


@pytest.mark.parametrize(
    ("mark", "verdict", "key"),
    [
        ("◎", Verdict.PASS, "agree"),
        ("◎", Verdict.FAIL, "differ"),
        ("◎", Verdict.WARN, "differ"),
        ("◎", Verdict.UNVERIFIED, "unmeasured"),
        ("◎", Verdict.ERROR, "unmeasured"),
        ("◎", Verdict.REVIEW, "unmeasured"),
        ("◎", Verdict.NA, "undeclared"),
        ("◎", None, "unmeasured"),
        ("○", Verdict.FAIL, "later"),
        ("△", Verdict.FAIL, "otherwise"),
        ("×", Verdict.FAIL, "agree"),
        ("×", Verdict.PASS, "better"),
        ("×", Verdict.NA, "agree"),
        ("", Verdict.PASS, "blank"),
        ("はい", Verdict.FAIL, "unreadable"),
    ],
)
def test_what_answer_and_verdict_say_together(mark: str, verdict: Verdict | None, key: str) -> None:
    assert compared(mark, verdict)[0] == key


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_paper(lang: str) -> None:
    results = fold(RUNS["all-verdicts"]())
    assert results.plan is not None
    paper = answers_paper(results.plan, results, GIVEN, "回答.xlsx", "ja" if lang == "ja" else "en")
    page = paper_html(paper)
    compare(f"papers/kaito.{lang}.html", page.partition("<style>")[0] + page.partition("</style>")[2])
    compared_to = {str(row[0]): row[4].text for row in paper.tables[0].rows if isinstance(row[4], Cell)}
    assert set(results.plan.requirements) <= set(compared_to)
    assert "AM-8.1-01" in compared_to
    assert differences(results.plan, results, GIVEN) == ["AM-9.1-02"]


def test_the_command_tells_by_its_exit_code(tmp_path: Path) -> None:
    from conformance.verdicts import Raw
    from tests.conformance.factory import plan_of, planned, stream, write_events

    name = asked().sheets["am"][0].id
    plan = plan_of(planned(f"{name}a"))
    run = tmp_path / "run"
    run.mkdir()
    sheet = filled(tmp_path / "a.xlsx", ["◎"])
    for raw, code in ((Raw.PASS, 0), (Raw.NONCONFORMITY, 1)):
        (run / "events.ndjson").unlink(missing_ok=True)
        write_events(run / "events.ndjson", stream(plan, {f"{name}a": raw}))
        done = shinsei("report", "answers", str(run), str(sheet), cwd=tmp_path)
        assert done.returncode == code, done.stderr
        assert (run / "papers" / "kaito-jissoku.xlsx").is_file()
    assert "食い違い" in done.stdout
    refused = shinsei("report", "answers", str(run), "none.xlsx", cwd=tmp_path)
    assert (refused.returncode, "none.xlsx" in refused.stderr) == (2, True)


def test_the_sheet_as_a_page_to_print(tmp_path: Path) -> None:
    write_page(asked(), tmp_path / "rfi.html")
    page = (tmp_path / "rfi.html").read_text(encoding="utf-8")
    for one in asked().sheets["am"]:
        assert one.id in page
    for mark in "◎○△×":
        assert f"{mark}　" in page
