"""Progress while a run goes on, and its verdict table at the end. Colours only on a terminal (Rich decides)."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from conformance.events import CheckEnded, Event, RoundStarted, RunStarted, StepFinished, StepStarted
from conformance.messages import Lang, say
from conformance.plan import Plan
from conformance.reporters.english import clause, marks
from conformance.reporters.papers.common import profile_label, profile_words
from conformance.results import CheckResult, Results
from conformance.verdicts import Exit, RunVerdict, Verdict
from conformance.visible import one_line, visible

COLOUR = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.WARN: "yellow",
    Verdict.REVIEW: "magenta",
    Verdict.UNVERIFIED: "yellow",
    Verdict.NA: "dim",
    Verdict.ERROR: "bold white on red",
}
RUN_COLOUR = {
    RunVerdict.CONFORMANT: "bold green",
    RunVerdict.CONFORMANT_WAIVED: "bold yellow",
    RunVerdict.NOT_CONFORMANT: "bold red",
    RunVerdict.INCOMPLETE: "bold yellow",
}


class Progress:
    """Live listener of a run: says which round and step is under way and who has to act."""

    def __init__(self, console: Console, lang: Lang = "ja") -> None:
        self._console, self._lang = console, lang
        self._checks_announced = False

    def __call__(self, event: Event) -> None:
        ja = self._lang == "ja"
        match event:
            case RunStarted():
                plan = event.plan
                active = sum(one.status == "run" for one in plan.checks)
                words = (
                    f"役割 {plan.role} ・ 検査 {active} 件 ・ ラウンド {len(plan.rounds)} 回 ・ 乱数種 {plan.seed} ・ 基準日 {plan.reference_date}"
                    if ja
                    else f"role {plan.role}, {active} checks, {len(plan.rounds)} rounds, seed {plan.seed}, reference date {plan.reference_date}"
                )
                self._console.print(f"[bold]{words}[/]", highlight=False)
                self._console.print(f"[dim]{_under(plan, self._lang)}[/]", highlight=False, soft_wrap=True)
            case RoundStarted():
                name = event.ja if ja else event.en
                self._console.print(f"[cyan]▶ {event.number}/{event.of}[/] {_plain(name)}", highlight=False)
            case StepStarted() if event.actor != "harness":
                who = {"product": ("製品", "product"), "person": ("担当者", "person")}[event.actor][0 if ja else 1]
                words = event.ja if ja else event.en
                self._console.print(f"   [dim]{who}: {escape(words)} …[/]", highlight=False)
            case StepFinished() if not event.ok:
                self._console.print(f"   [dim]{escape(event.step)}: {_plain(event.message, 160)}[/]", highlight=False)
            case CheckEnded() if not self._checks_announced:
                self._checks_announced = True
                self._console.print(
                    "[cyan]▶[/] " + ("記録を検査する" if ja else "judging the records"), highlight=False
                )


def _under(plan: Plan, lang: Lang) -> str:
    """Under which profile, overlay, dialects and challenge the run stands."""
    words = f"{profile_label(plan, lang)}: {profile_words(plan, lang)}"
    if plan.challenge is not None:
        words += f" ・ {say('text', 'challenge', lang)}: {plan.challenge.issuer} {plan.challenge.nonce}"
    return _plain(words)


def _plain(text: str, most: int = 300) -> str:
    """What a product may have said: one line, no markup of ours, nothing that steers the terminal."""
    return escape(one_line(text, most))


def print_results(results: Results, console: Console, lang: Lang, *, report: Path | None, gate_waived: bool) -> None:
    """The verdict table, the findings in short, the two verdicts and where the report is."""
    if results.plan is not None:
        _table(results, console, lang)
        _findings(results, console, lang)
    for trouble in results.troubles:
        words = trouble.ja if lang == "ja" else trouble.en
        console.print(Panel(Text(visible(words)), title=say("text", "trouble", lang), border_style="red"))
    for ja, en in results.warnings:
        console.print(f"[yellow]△ {escape(visible(ja if lang == 'ja' else en))}[/]", highlight=False, soft_wrap=True)
    if results.interrupted:
        console.print(f"[yellow]{say('text', 'interrupted', lang)}: {escape(results.interrupted)}[/]")
    _verdicts(results, console, lang, results.exit(gate_waived=gate_waived))
    if report is not None:
        console.print(f"{say('text', 'report_at', lang)}: {escape(str(report))}", highlight=False, soft_wrap=True)


def _table(results: Results, console: Console, lang: Lang) -> None:
    table = Table(show_header=True, header_style="bold", expand=False, pad_edge=False)
    table.add_column("ID", no_wrap=True)
    table.add_column(say("text", "check", lang), overflow="fold")
    table.add_column(say("text", "level", lang), no_wrap=True)
    table.add_column(say("text", "verdict_word", lang), no_wrap=True)
    function = None
    for one in sorted(results.checks, key=lambda r: (r.planned.function, r.planned.id)):
        planned = one.planned
        if planned.function != function:
            function = planned.function
            table.add_section()
            table.add_row("", Text(say("function", function, lang), style="bold"), "", "")
        requirement = results.plan.requirements[planned.requirement] if results.plan else None
        level = (
            say("level", requirement.level, lang) if requirement and planned.deciding else say("text", "beside", lang)
        )
        table.add_row(
            planned.id,
            Text(planned.ja if lang == "ja" else planned.en),
            level,
            Text(say("verdict", one.verdict.value, lang), style=COLOUR[one.verdict]),
        )
    console.print(table)


def _findings(results: Results, console: Console, lang: Lang) -> None:
    for one in results.checks:
        if one.verdict in (Verdict.PASS, Verdict.NA) or one.planned.status != "run":
            continue
        console.print(
            f"[{COLOUR[one.verdict]}]{say('verdict', one.verdict.value, lang)}[/] [bold]{one.planned.id}[/] "
            f"{escape(one.planned.ja if lang == 'ja' else one.planned.en)}",
            highlight=False,
        )
        _reason(results, one, console, lang)


def _reason(results: Results, one: CheckResult, console: Console, lang: Lang) -> None:
    requirement = results.plan.requirements.get(one.planned.requirement) if results.plan else None
    if requirement is not None:
        text = requirement.ja if lang == "ja" else requirement.en
        console.print(f"   {escape(clause(requirement.clause, lang))}: {escape(text)}", highlight=False)
    if not one.findings:
        console.print(f"   {_plain(one.reason_ja if lang == 'ja' else one.reason_en)}", highlight=False)
    for finding in one.findings:
        console.print(f"   → {_plain(finding.ja if lang == 'ja' else finding.en)}", highlight=False)
        for key in ("case", "sent", "expected", "actual"):
            value = getattr(finding, key)
            if value:
                console.print(f"      {say('text', key, lang)}: {_plain(marks(value, lang))}", highlight=False)


def _verdicts(results: Results, console: Console, lang: Lang, code: Exit) -> None:
    grid = Table.grid(padding=(0, 2))
    for question in (results.clause, results.contract):
        if question is None or results.plan is None:
            continue
        note = ""
        if question.key == "contract":
            note = profile_words(results.plan, lang)
        counts = " ".join(
            f"{say('verdict', verdict.value, lang)} {count}" for verdict, count in question.counts.items() if count
        )
        grid.add_row(
            Text(say("question", question.key, lang), style="bold"),
            Text(say("run", question.verdict.value, lang), style=RUN_COLOUR[question.verdict]),
            Text(visible(f"{counts}　{note}".strip())),
        )
        for ja, en in question.reasons:
            grid.add_row("", "", Text(ja if lang == "ja" else en, style="yellow"))
    for line in results.headlines:
        verdict = Text(say("run", line.verdict.value, lang), style=RUN_COLOUR[line.verdict]) if line.verdict else "―"
        grid.add_row(
            Text(f"{say('question', line.key, lang)} {line.procedure}".strip()),
            verdict,
            Text(line.note_ja if lang == "ja" else line.note_en),
        )
    grid.add_row(say("text", "exit_code", lang), str(int(code)), say("exit", int(code), lang))
    style = "green" if code is Exit.CONFORMANT else "red" if code is Exit.NOT_CONFORMANT else "yellow"
    console.print(Panel(grid, title=say("text", "summary", lang), border_style=style, expand=False))
