"""What every paper says about the run that it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from conformance.messages import Lang, say
from conformance.plan import Plan
from conformance.reporters.papers.model import Cell, Tone, both
from conformance.results import CheckResult, Question, Results
from conformance.verdicts import Verdict

TONES: dict[str, Tone] = {
    "PASS": "ok",
    "FAIL": "bad",
    "WARN": "warn",
    "REVIEW": "review",
    "UNVERIFIED": "open",
    "N/A": "na",
    "ERROR": "error",
    "CONFORMANT": "ok",
    "NOT_CONFORMANT_WAIVED": "warn",
    "NOT_CONFORMANT": "bad",
    "INCOMPLETE": "open",
}
GRAVITY = (
    Verdict.NA,
    Verdict.PASS,
    Verdict.WARN,
    Verdict.REVIEW,
    Verdict.UNVERIFIED,
    Verdict.ERROR,
    Verdict.FAIL,
)


JST = timezone(timedelta(hours=9))


def moment(text: str) -> str:
    """An ISO moment as people in Japan read it."""
    return datetime.fromisoformat(text).astimezone(JST).strftime("%Y-%m-%d %H:%M:%S (JST)") if text else "―"


def verdict_cell(verdict: Verdict | None, lang: Lang) -> Cell:
    """A check's verdict in words; a dash when there is none."""
    return Cell(say("verdict", verdict.value, lang), TONES[verdict.value]) if verdict else Cell("―")


def question_cell(question: Question, lang: Lang) -> Cell:
    """One of the two verdicts of a run."""
    return Cell(say("run", question.verdict.value, lang), TONES[question.verdict.value])


def counts_of(question: Question, lang: Lang) -> str:
    """``適合 37 ・ 注意 1``."""
    return " ・ ".join(f"{say('verdict', one.value, lang)} {n}" for one, n in question.counts.items() if n)


def gravest(checks: Iterable[CheckResult]) -> Verdict | None:
    """The gravest verdict; None when there is no check."""
    return max((one.verdict for one in checks), key=GRAVITY.index, default=None)


def checks_of(requirement: str, results: Results) -> list[CheckResult]:
    """The checks that cite ``requirement``, as theirs or beside."""
    return [one for one in results.checks if requirement in (one.planned.requirement, *one.planned.also)]


def profile_words(plan: Plan, lang: Lang) -> str:
    """The profile with its edition, overlay and every dialect in force: no verdict without them."""
    note = plan.profile
    parts = [note.ja if lang == "ja" else note.en, note.edition, f"+ {note.overlay}" if note.overlay else ""]
    parts += [f"+ {say('text', 'dialect', lang)} {one}" for one in note.dialects]
    return " ".join(part for part in parts if part)


def profile_label(plan: Plan, lang: Lang) -> str:
    """What the verdicts rest on: an interface profile, or the network policy of the roles of the lab."""
    return say("text", "policy" if plan.role in ("fw", "relay") else "profile", lang)


def run_facts(plan: Plan, results: Results, lang: Lang) -> list[tuple[str, str | Cell]]:
    """Product, role, profile, seed, date, who and when."""
    name, vendor = f"{plan.product.get('name', '')} {plan.product.get('version', '')}", plan.product.get("vendor", "")
    product = both(lang, f"{name}（{vendor}）", f"{name} ({vendor})")
    facts: list[tuple[str, str | Cell]] = [
        (say("text", "product", lang), product),
        (
            say("text", "role", lang),
            both(lang, f"{plan.role}　{say('role', plan.role, lang)}", f"{plan.role}: {say('role', plan.role, lang)}"),
        ),
        (say("text", "sets", lang), ", ".join(plan.deciding_sets)),
        (profile_label(plan, lang), profile_words(plan, lang)),
        (
            f"{say('text', 'seed', lang)} ・ {say('text', 'reference_date', lang)}",
            f"{plan.seed} ・ {plan.reference_date}",
        ),
        (say("text", "suite", lang), plan.suite_version),
        (say("text", "run_by", lang), plan.started_by),
        (say("text", "run", lang), f"{plan.run_id}　{moment(results.started_at)}"),
    ]
    if plan.mutant:
        facts.insert(0, (say("text", "caution", lang), Cell(say("text", "mutant", lang), "warn")))
    if results.interrupted or not results.finished:
        facts.insert(0, (say("text", "caution", lang), Cell(say("text", "cut_short", lang), "open")))
    return facts


def footer_of(plan: Plan, lang: Lang) -> str:
    """Who made the paper, and what it does not say."""
    return both(
        lang,
        f"申請連携テストベッド {plan.suite_version} が実施 {plan.run_id} の記録から作成。国・自治体の認証ではなく、実物のインターフェースとの一致を主張しない。",
        f"Made by Shinsei Testbed {plan.suite_version} from the record of run {plan.run_id}. No certification by a public body; no fidelity to the real interfaces is claimed.",
    )
