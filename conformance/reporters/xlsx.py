"""機能要件適合表 (XLSX): one row a requirement, for a procurement officer. What a product said never becomes a formula."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from conformance.messages import say
from conformance.plan import Plan, PlannedRequirement
from conformance.reporters.cells import LINE_POINTS, lines_of, safe_cell
from conformance.reporters.english import assumed
from conformance.reporters.papers.common import profile_label, profile_words
from conformance.results import CheckResult, Results
from conformance.verdicts import Verdict

GRAVITY = [
    Verdict.NA,
    Verdict.PASS,
    Verdict.WARN,
    Verdict.REVIEW,
    Verdict.UNVERIFIED,
    Verdict.ERROR,
    Verdict.FAIL,
]
TONE = {
    "PASS": "#197a4b",
    "FAIL": "#ce0000",
    "WARN": "#8a6d00",
    "REVIEW": "#5c10be",
    "UNVERIFIED": "#8a4a00",
    "N/A": "#767676",
    "ERROR": "#a80055",
}
REQUIREMENT_COLUMNS = (
    ("要件ID", 13),
    ("条項", 18),
    ("級", 12),
    ("要件", 52),
    ("判定", 12),
    ("確かめ方", 14),
    ("検査", 22),
    ("指摘・申告", 44),
    ("なぜ重要か", 40),
)
ASSUMPTION_COLUMNS = (("場所", 50), ("内容", 60), ("出所", 12))
CHECK_COLUMNS = (
    ("検査ID", 13),
    ("検査", 52),
    ("要件ID", 13),
    ("判定対象", 10),
    ("判定", 12),
    ("指摘", 70),
    ("事例", 24),
)


def write_xlsx(results: Results, path: Path) -> None:
    """Writes the workbook. A run without a plan has no requirements: only its summary is written."""
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(str(path), options)
    try:
        sheet = _Sheets(book)
        sheet.summary(results)
        if results.plan is not None:
            sheet.requirements(results.plan, results)
            sheet.checks(results)
            sheet.assumptions(results.plan)
    finally:
        book.close()


class _Sheets:
    """Writes one sheet after another with one set of formats."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        base = {"font_name": "Noto Sans CJK JP", "font_size": 10, "valign": "top", "text_wrap": True, "border": 1}
        base["border_color"] = "#d8d8db"
        self._cell: Format = book.add_format(base)
        self._head: Format = book.add_format({**base, "bold": True, "bg_color": "#e8e8ff"})
        self._title: Format = book.add_format({"font_name": base["font_name"], "font_size": 16, "bold": True})
        self._tones = {
            name: book.add_format({**base, "bold": True, "align": "center", "font_color": colour})
            for name, colour in TONE.items()
        }

    def _sheet(self, name: str, columns: tuple[tuple[str, int], ...], *, landscape: bool = True) -> Worksheet:
        sheet = self._book.add_worksheet(name)
        for number, (title, width) in enumerate(columns):
            sheet.set_column(number, number, width)
            sheet.write_string(0, number, title, self._head)
        sheet.freeze_panes(1, 1)
        sheet.set_paper(9)
        if landscape:
            sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        return sheet

    def _row(
        self,
        sheet: Worksheet,
        number: int,
        columns: tuple[tuple[str, int], ...],
        cells: list[str],
        verdict_at: int,
        verdict: Verdict | None,
    ) -> None:
        lines = max(lines_of(text, width) for text, (_, width) in zip(cells, columns, strict=True))
        sheet.set_row(number, min(LINE_POINTS * lines + 3, 400))
        for column, text in enumerate(cells):
            tone = self._tones[verdict.value] if verdict is not None and column == verdict_at else self._cell
            sheet.write_string(number, column, safe_cell(text), tone)

    def summary(self, results: Results) -> None:
        sheet = self._book.add_worksheet("総括")
        sheet.set_column(0, 0, 30)
        sheet.set_column(1, 1, 90)
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.write_string(0, 0, "機能要件適合表", self._title)
        for number, (key, value) in enumerate(_facts(results), 2):
            sheet.write_string(number, 0, key, self._head)
            sheet.write_string(number, 1, safe_cell(value), self._cell)

    def requirements(self, plan: Plan, results: Results) -> None:
        sheet = self._sheet("機能要件適合表", REQUIREMENT_COLUMNS)
        attested = {one.requirement: one for one in results.attestations}
        rows = [one for one in plan.requirements.values() if one.id in attested or _checks_of(one, results)]
        for number, one in enumerate(sorted(rows, key=lambda r: (r.set != "tejunsho-1.0", r.id)), 1):
            found = _checks_of(one, results)
            attestation = attested.get(one.id)
            verdict = _gravest(found)
            word = say("verdict", verdict.value) if verdict else ""
            how, note = "検査", "\n".join(f"{c.planned.id}: {c.reason_ja}" for c in found if c.reason_ja)
            if attestation is not None:
                how = "申告"
                word = say("text", "answered" if attestation.answered else "unanswered")
                note = f"{attestation.statement}（{attestation.by} {attestation.date}）" if attestation.answered else ""
            level = one.level if one.set in plan.deciding_sets else f"{one.level}（報告のみ）"
            ids = ", ".join(c.planned.id for c in found)
            self._row(
                sheet,
                number,
                REQUIREMENT_COLUMNS,
                [one.id, one.clause, level, one.ja, word, how, ids, note, one.why],
                4,
                verdict,
            )

    def checks(self, results: Results) -> None:
        sheet = self._sheet("検査", CHECK_COLUMNS)
        for number, one in enumerate(results.checks, 1):
            planned = one.planned
            text = "\n".join(f"{f.ja} 期待: {f.expected} 実際: {f.actual}" for f in one.findings) or (
                one.reason_ja if one.verdict is not Verdict.PASS else ""
            )
            cells = [
                planned.id,
                planned.ja,
                planned.requirement,
                "○" if planned.deciding else "報告のみ",
                say("verdict", one.verdict.value),
                text,
                ", ".join(planned.cases),
            ]
            self._row(sheet, number, CHECK_COLUMNS, cells, 4, one.verdict)

    def assumptions(self, plan: Plan) -> None:
        sheet = self._sheet("仮定", ASSUMPTION_COLUMNS, landscape=False)
        for number, (place, what, sure) in enumerate(plan.profile.assumptions, 1):
            self._row(sheet, number, ASSUMPTION_COLUMNS, [place, assumed(place, what, "ja"), sure], -1, None)


def _facts(results: Results) -> list[tuple[str, str]]:
    facts: list[tuple[str, Any]] = []
    for question in (results.clause, results.contract):
        if question is not None:
            counts = " ".join(f"{say('verdict', v.value)} {n}" for v, n in question.counts.items() if n)
            why = " ".join(ja for ja, _ in question.reasons)
            facts.append(
                (say("question", question.key), f"{say('run', question.verdict.value)}　{counts} {why}".strip())
            )
    for line in results.headlines:
        word = say("run", line.verdict.value) if line.verdict else "―"
        facts.append((f"{say('question', line.key)} {line.procedure}".strip(), f"{word} {line.note_ja}".strip()))
    facts += [("続けられなかった理由", one.ja) for one in results.troubles]
    if results.interrupted or not results.finished:
        facts.append(("実施", "途中で打ち切られた"))
    plan = results.plan
    if plan is not None:
        facts += [
            ("製品", " ".join(plan.product.values())),
            ("役割", f"{plan.role}　{say('role', plan.role)}"),
            (profile_label(plan, "ja"), profile_words(plan, "ja")),
            ("判定に使う要件集", ", ".join(plan.deciding_sets)),
            ("乱数種・基準日", f"{plan.seed} ・ {plan.reference_date}"),
            ("実施者", plan.started_by),
            (
                say("text", "challenge"),
                f"{plan.challenge.issuer} {plan.challenge.nonce}" if plan.challenge else say("text", "no_challenge"),
            ),
            ("実施", plan.run_id),
        ]
        if plan.mutant:
            facts.insert(0, ("注意", say("text", "mutant")))
    return facts


def _checks_of(requirement: PlannedRequirement, results: Results) -> list[CheckResult]:
    return [one for one in results.checks if requirement.id in (one.planned.requirement, *one.planned.also)]


def _gravest(checks: list[CheckResult]) -> Verdict | None:
    return max((one.verdict for one in checks), key=GRAVITY.index, default=None)
