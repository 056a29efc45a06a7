"""再試験の比較: two runs of a product beside each other, as a paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.evidence.compare import Comparison
from conformance.messages import Lang, say
from conformance.reporters.papers.common import TONES
from conformance.reporters.papers.model import Cell, Column, Paper, Table, Tone, both

NAME = "saishiken"
CHANGES: dict[str, Tone] = {"worse": "bad", "gone": "bad", "better": "ok", "new": "review", "other": "review"}


def retest_paper(before: Mapping[str, Any], after: Mapping[str, Any], found: Comparison, lang: Lang) -> Paper:
    """What changed between the runs whose results are given."""
    facts: list[tuple[str, str | Cell]] = []
    for word, run in ((both(lang, "前", "Before"), before["run"]), (both(lang, "後", "After"), after["run"])):
        product = run.get("product", {})
        facts.append((word, f"{run.get('run_id', '―')}　{' '.join(str(one) for one in product.values())}".strip()))
    worse = sum(one.change in ("worse", "gone") for one in found.rows)
    better = sum(one.change == "better" for one in found.rows)
    facts.append(
        (
            both(lang, "まとめ", "Summary"),
            both(
                lang,
                f"良くなった {better} ・ 悪くなった {worse} ・ 変わらない {found.same}",
                f"better {better}, worse {worse}, unchanged {found.same}",
            ),
        )
    )
    conditions = Table(
        both(lang, "条件の違い", "Conditions that differ"),
        (
            Column(both(lang, "条件", "Condition"), 26),
            Column(both(lang, "前", "Before"), 50),
            Column(both(lang, "後", "After"), 50),
        ),
        tuple((say("condition", name, lang), old, new) for name, old, new in found.conditions),
        note=both(
            lang,
            "条件が違う実施の判定は、そのまま比べられない。",
            "Verdicts under different conditions cannot simply be compared.",
        ),
    )
    rows = Table(
        both(lang, "判定の違い", "Verdicts that differ"),
        (
            Column(say("text", "check", lang), 14),
            Column(both(lang, "内容", "What is checked"), 60),
            Column(both(lang, "前", "Before"), 14),
            Column(both(lang, "後", "After"), 14),
            Column(both(lang, "変化", "Change"), 14),
        ),
        tuple(
            (
                one.check,
                one.ja if lang == "ja" else one.en,
                _verdict(one.before, lang),
                _verdict(one.after, lang),
                Cell(say("change", one.change, lang), CHANGES[one.change]),
            )
            for one in found.rows
        ),
    )
    return Paper(
        name=NAME,
        title=both(lang, "再試験の比較", "Comparison of two runs"),
        lang=lang,
        lead=both(
            lang,
            "二つの実施で判定が違う検査と、条件の違い。",
            "Checks whose verdicts differ between two runs, and how the runs differ.",
        ),
        facts=tuple(facts),
        notes=() if found.rows else (both(lang, "判定に違いはない。", "No verdict differs."),),
        tables=tuple(one for one in (rows, conditions) if one.rows),
    )


def _verdict(word: str, lang: Lang) -> Cell:
    return Cell(say("verdict", word, lang), TONES[word]) if word else Cell("―")
