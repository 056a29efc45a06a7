"""試験成績書: the result of a complete run on paper. Nothing is certified while anything is open."""

from __future__ import annotations

from conformance.messages import Lang, say
from conformance.plan import Plan
from conformance.reporters.english import clause
from conformance.reporters.papers.common import (
    TONES,
    checks_of,
    counts_of,
    footer_of,
    gravest,
    question_cell,
    run_facts,
    verdict_cell,
)
from conformance.reporters.papers.model import Cell, Column, Paper, Table, both
from conformance.results import Results
from conformance.verdicts import RunVerdict, Verdict

NAME = "shiken-seisekisho"
OPEN = (Verdict.UNVERIFIED, Verdict.REVIEW, Verdict.ERROR)


def what_is_open(results: Results, lang: Lang = "ja") -> list[str]:
    """Why there can be no 試験成績書 yet, one sentence each; empty when the run is complete."""
    found = []
    if results.plan is None:
        return [both(lang, "計画が無い", "there is no plan")]
    if results.interrupted or not results.finished:
        found.append(both(lang, "途中で打ち切られた実施である", "the run was cut short"))
    found += [one.ja if lang == "ja" else one.en for one in results.troubles]
    if results.plan.mutant:
        found.append(both(lang, "変異体の実施である", "it is the run of a mutant"))
    if results.foreign:
        found.append(both(lang, "計画に無い検査の結果がある", "there are results of checks that were not planned"))
    for one in results.checks:
        if one.planned.deciding and one.verdict in OPEN:
            found.append(f"{one.planned.id}: {say('verdict', one.verdict.value, lang)}")
    for question in (results.clause, results.contract):
        if question is not None and question.verdict is RunVerdict.INCOMPLETE:
            reasons = [ja if lang == "ja" else en for ja, en in question.reasons]
            found.append(
                f"{say('question', question.key, lang)}: {say('run', 'INCOMPLETE', lang)} {' '.join(reasons)}".strip()
            )
    for line in results.headlines:
        if line.verdict is RunVerdict.INCOMPLETE:
            name = f"{say('question', line.key, lang)} {line.procedure}".strip()
            found.append(f"{name}: {say('run', 'INCOMPLETE', lang)}")
    return found


def seiseki_paper(plan: Plan, results: Results, lang: Lang) -> Paper:
    """The paper. ValueError while anything is open: `what_is_open` tells what."""
    if reasons := what_is_open(results, lang):
        raise ValueError("; ".join(reasons))
    verdicts: list[tuple[str, str | Cell]] = []
    for question in (results.clause, results.contract):
        if question is not None:
            verdicts.append((say("question", question.key, lang), question_cell(question, lang)))
            verdicts.append((both(lang, "　内訳", "  counts"), counts_of(question, lang)))
    for line in results.headlines:
        verdict = Cell(say("run", line.verdict.value, lang), TONES[line.verdict.value]) if line.verdict else Cell("―")
        verdicts.append((f"{say('question', line.key, lang)} {line.procedure}".strip(), verdict))
    return Paper(
        name=NAME,
        title=both(lang, "試験成績書", "Test certificate"),
        lang=lang,
        lead=both(
            lang,
            "下記の製品について、下記の条件で適合性試験を実施した結果を示す。判定は、この版・この条件での実施についてのものである。",
            "The result of a conformance test of the product named below, under the conditions named below, for this version and these conditions only.",
        ),
        facts=(*verdicts, *run_facts(plan, results, lang)),
        notes=_notes(plan, lang),
        tables=tuple(one for one in (_requirements(plan, results, lang), _waivers(plan, lang)) if one.rows),
        signs=tuple(
            both(lang, ja, en)
            for ja, en in (("実施者", "Carried out by"), ("立会者", "Witnessed by"), ("発注者の確認", "Accepted by"))
        ),
        footer=footer_of(plan, lang),
    )


def _notes(plan: Plan, lang: Lang) -> tuple[str, ...]:
    note = both(
        lang,
        "契約適合は、上記のインターフェースプロファイルについての判定である。既定の baseline は模擬契約であり、実物の仕様書ではない。",
        "Conformance to the contract is about the profile named above. The default baseline is a mock contract, not the real specification.",
    )
    kept = both(
        lang,
        "この成績書だけでは証拠にならない。署名された証跡（shinsei report bundle）とともに渡し、shinsei report verify で確かめる。",
        "This paper alone proves nothing: hand it over with the signed bundle and verify that with shinsei report verify.",
    )
    return (note, kept) if any(one.verdict == "contract" for one in plan.checks) else (kept,)


def _requirements(plan: Plan, results: Results, lang: Lang) -> Table:
    attested = {one.requirement: one for one in results.attestations}
    rows: list[tuple[str | Cell, ...]] = []
    for one in plan.requirements.values():
        found = [check for check in checks_of(one.id, results) if check.planned.deciding]
        answer = attested.get(one.id)
        if one.set not in plan.deciding_sets or (not found and answer is None):
            continue
        how = verdict_cell(gravest(found), lang) if found else Cell(say("text", "answered", lang), "na")
        text = one.ja if lang == "ja" else one.en
        by = f"{answer.by} {answer.date}" if answer is not None else ""
        told = both(lang, f"{answer.statement}（{by}）", f"{answer.statement} ({by})") if answer is not None else ""
        rows.append((one.id, clause(one.clause, lang), say("level", one.level, lang), f"{text}\n{told}".strip(), how))
    columns = (
        Column(say("text", "requirement", lang), 13),
        Column(say("text", "clause", lang), 22),
        Column(say("text", "level", lang), 8),
        Column(both(lang, "内容", "What is required"), 62),
        Column(say("text", "verdict_word", lang), 14),
    )
    return Table(both(lang, "要件ごとの判定", "Verdict by requirement"), columns, tuple(rows))


def _waivers(plan: Plan, lang: Lang) -> Table:
    columns = (
        Column(say("text", "check", lang), 14),
        Column(say("text", "reason", lang), 60),
        Column(both(lang, "責任者", "Owner"), 24),
        Column(both(lang, "期限", "Expires"), 14),
    )
    rows = tuple((one.check, one.reason, one.owner, one.expires.isoformat()) for one in plan.waivers)
    return Table(both(lang, "免除（不適合は不適合のまま）", "Waivers (a failure stays a failure)"), columns, rows)
