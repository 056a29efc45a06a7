"""回答と実測: a vendor's filled 意見照会票 beside the verdicts of a run, requirement by requirement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.firewall.xlsx import XlsxError, read_sheets
from conformance.messages import Lang, say
from conformance.plan import Plan
from conformance.reporters.papers.common import checks_of, footer_of, gravest, run_facts, verdict_cell
from conformance.reporters.papers.model import Cell, Column, Paper, Table, Tone, both
from conformance.results import Results
from conformance.sentence import Sentence
from conformance.verdicts import Verdict
from interface_spec.requirements import load_requirements

NAME = "kaito-jissoku"
ID, ANSWER, REMARK = "要件ID", "回答", "備考"
MARKS = ("◎", "○", "△", "×")
SAME = str.maketrans({"◯": "○", "〇": "○", "✕": "×", "✖": "×", "✗": "×", "x": "×", "X": "×", "Ｘ": "×", "▲": "△"})
"""Marks that people write for the four of the sheet."""

FAILED: dict[str, tuple[str, Tone]] = {
    "◎": ("differ", "bad"),
    "○": ("later", "review"),
    "△": ("otherwise", "review"),
    "×": ("agree", "ok"),
}
"""What a failed requirement makes of each mark."""


class AnswersError(Sentence, ValueError):
    """The workbook cannot be used (exit 2): file, problem, fix."""


@dataclass(frozen=True)
class Answer:
    """One row of the sheet as filled in; ``mark`` is one of `MARKS`, "" for none, or what stands there."""

    mark: str
    remark: str


def read_answers(path: Path, role: str) -> dict[str, Answer]:
    """Requirement id → answer, from the sheet of ``role``. Raises AnswersError naming file and fix."""
    try:
        sheets = read_sheets(path.read_bytes())
    except OSError as error:
        raise AnswersError(str(path), f"読めません（{error.strerror}）", f"cannot be read ({error.strerror})") from None
    except XlsxError as error:
        ja, _, en = str(error).partition(" / ")
        raise AnswersError(str(path), ja, en) from None
    found: dict[str, Answer] = {}
    for name, rows in sheets.items():
        if name == role or name.startswith(f"{role} "):
            found |= _answers(rows)
    if not found:
        raise AnswersError(
            str(path),
            f"役割 {role} のシートに「{ID}」「{ANSWER}」の表がありません（shinsei requirements rfi で作った票を指定）",
            f"no sheet of role {role} with the columns {ID} and {ANSWER} (give a sheet made by shinsei requirements rfi)",
        )
    return found


def _answers(rows: list[list[str]]) -> dict[str, Answer]:
    head = next((row for row in rows if ID in row and ANSWER in row), None)
    if head is None:
        return {}
    remark = next((at for at, title in enumerate(head) if title.startswith(REMARK)), -1)
    at_id, at_answer = head.index(ID), head.index(ANSWER)

    def cell(row: list[str], at: int) -> str:
        return row[at].strip() if 0 <= at < len(row) else ""

    return {
        cell(row, at_id): Answer(cell(row, at_answer).translate(SAME), cell(row, remark))
        for row in rows[rows.index(head) + 1 :]
        if cell(row, at_id)
    }


def compared(mark: str, verdict: Verdict | None) -> tuple[str, Tone]:
    """What answer and verdict say together: a key of the messages' table ``answer``, and its tone."""
    if not mark:
        return "blank", "open"
    if mark not in MARKS:
        return "unreadable", "open"
    match verdict:
        case None | Verdict.UNVERIFIED | Verdict.REVIEW | Verdict.ERROR:
            return "unmeasured", "open"
        case Verdict.NA:
            return ("agree", "ok") if mark == "×" else ("undeclared", "review")
        case Verdict.PASS:
            return ("better", "review") if mark == "×" else ("agree", "ok")
        case Verdict.FAIL | Verdict.WARN:
            return FAILED[mark]


def answers_paper(plan: Plan, results: Results, answers: Mapping[str, Answer], source: str, lang: Lang) -> Paper:
    """The comparison. Requirements that only one side knows are in it as well."""
    rows: list[tuple[str | Cell, ...]] = []
    counts: dict[str, int] = {}
    known = load_requirements()
    decided = {one.id for one in plan.requirements.values() if one.set in plan.deciding_sets}
    for name in sorted(answers.keys() | decided):
        requirement, answer = plan.requirements.get(name) or known.get(name), answers.get(name, Answer("", ""))
        checks = checks_of(name, results)
        if requirement is None and not answer.mark:
            continue
        key, tone = compared(answer.mark, gravest(checks))
        counts[key] = counts.get(key, 0) + 1
        text = (requirement.ja if lang == "ja" else requirement.en) if requirement else ""
        told = "\n".join(
            f"{one.planned.id}: {one.reason_ja if lang == 'ja' else one.reason_en}"
            for one in checks
            if one.verdict is not Verdict.PASS and one.reason_ja
        )
        measured = verdict_cell(gravest(checks), lang) if checks else Cell(_unmeasured(name, results, lang), "na")
        rows.append((name, text, answer.mark, measured, Cell(say("answer", key, lang), tone), answer.remark, told))
    summary = " ・ ".join(f"{say('answer', key, lang)} {counts[key]}" for key in _order() if key in counts)
    return Paper(
        name=NAME,
        title=both(lang, "回答と実測", "Answers and measurements"),
        lang=lang,
        lead=both(
            lang,
            "意見照会票に書かれた回答と、この実施の判定を要件ごとに並べる。食い違いは、どちらが正しいかを決めるものではなく、確かめるべき点である。",
            "The vendor's answers beside the verdicts of this run. A difference does not say who is right: it is a point to clear up.",
        ),
        facts=(
            *run_facts(plan, results, lang),
            (both(lang, "意見照会票", "Inquiry sheet"), source),
            (both(lang, "まとめ", "Summary"), summary),
        ),
        tables=(Table(both(lang, "要件ごとの回答と実測", "By requirement"), _columns(lang), tuple(rows)),),
        footer=footer_of(plan, lang),
    )


def differences(plan: Plan, results: Results, answers: Mapping[str, Answer]) -> list[str]:
    """Requirements for which a plain ◎ stands against a failure."""
    return [
        name
        for name, one in answers.items()
        if name in plan.requirements and compared(one.mark, gravest(checks_of(name, results)))[0] == "differ"
    ]


def _order() -> tuple[str, ...]:
    return ("differ", "later", "otherwise", "better", "undeclared", "agree", "unmeasured", "unreadable", "blank")


def _unmeasured(requirement: str, results: Results, lang: Lang) -> str:
    """What stands in the place of a verdict: attested, or not tested by this run at all."""
    attested = {one.requirement: one for one in results.attestations}
    if requirement in attested:
        return say("text", "answered" if attested[requirement].answered else "unanswered", lang)
    return both(lang, "検査なし", "not tested")


def _columns(lang: Lang) -> tuple[Column, ...]:
    return (
        Column(both(lang, "要件", "Requirement"), 20),
        Column(both(lang, "内容", "What is required"), 44),
        Column(both(lang, "回答", "Answer"), 9),
        Column(both(lang, "実測", "Measured"), 15),
        Column(both(lang, "比較", "Compared"), 22),
        Column(both(lang, "回答の備考", "Remark"), 30),
        Column(both(lang, "実測の所見", "Findings"), 44),
    )
