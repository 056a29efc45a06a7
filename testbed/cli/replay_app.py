"""`shinsei replay`: does a check that did not pass come out the same way again?"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from conformance.events import read_events
from conformance.messages import say
from conformance.plan import Plan
from conformance.results import CheckResult, fold
from conformance.verdicts import Exit, Verdict
from shinsei_testbed import module_command
from testbed.cli.common import fail
from testbed.counterexample import Counterexample, play_again
from testbed.replay import BadReplay, Replay, read_replay, said, words_of


def replay(
    file: Annotated[Path, typer.Argument(help="out/…/replay/検査.json、または反例のファイル / or of a counterexample")],
    whole: Annotated[
        bool,
        typer.Option("--whole", help="その検査だけでなく、すべて実施する / play the whole suite, not the check alone"),
    ] = False,
    healthy: Annotated[
        bool, typer.Option("--healthy", help="変異体ではなく、もとの製品で / the product itself instead of its mutant")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="結果を置くフォルダ / folder for results")] = Path("out/replay"),
) -> None:
    """適合しなかった検査や反例を繰り返す。終了コード: 1 同じ結果 / 0 今度は適合 / 2・3・4 確かめられなかった

    \b
    例 / example:
      shinsei replay out/20261123-171919-am-e33e/replay/AM-3.4-06b.json
      shinsei replay out/counterexamples/journey-1a2b3c4d.json
    """
    try:
        wanted = read_replay(file)
    except BadReplay as error:
        raise fail(str(error)) from None
    if isinstance(wanted, Counterexample):
        raise typer.Exit(_played(wanted, healthy=healthy))
    before = set(_runs(out, wanted.role))
    words = words_of(wanted, file.resolve().parents[1], out, whole=whole, healthy=healthy)
    code = subprocess.run(module_command("testbed.cli.run", *words), check=False).returncode
    new = sorted(set(_runs(out, wanted.role)) - before)
    results = fold(read_events(new[-1])) if new else None
    found = next((one for one in results.checks if one.planned.id == wanted.check), None) if results else None
    if results is None or results.plan is None or found is None or code in (Exit.CONFIGURATION, Exit.HARNESS):
        raise typer.Exit(code if code in (Exit.CONFIGURATION, Exit.HARNESS) else Exit.INCOMPLETE)
    for line in _told(wanted, found, results.plan):
        typer.echo(line)
    if found.verdict is Verdict.PASS:
        raise typer.Exit(Exit.CONFORMANT)
    raise typer.Exit(Exit.NOT_CONFORMANT if found.verdict is wanted.verdict else Exit.INCOMPLETE)


def _played(wanted: Counterexample, *, healthy: bool) -> int:
    """Plays a counterexample again; the exit code."""
    try:
        broken = play_again(wanted, healthy=healthy)
    except (LookupError, TypeError, ValueError) as error:
        raise fail(f"{wanted.walk}: {error}") from None
    for sentence in broken:
        typer.echo(f"破られた約束 / broken promise: {sentence}")
    if not broken:
        typer.echo("今度はすべて守られました / every promise held this time")
        return Exit.CONFORMANT
    same = tuple(broken) == wanted.said
    typer.echo("前回と同じです / the same as before" if same else "前回と違います / not the same as before")
    return Exit.NOT_CONFORMANT if same else Exit.INCOMPLETE


def _runs(out: Path, role: str) -> list[Path]:
    return sorted(out.glob(f"*-{role}-*/events.ndjson"))


def _told(wanted: Replay, found: CheckResult, plan: Plan) -> Iterator[str]:
    """What came of it, beside what came of it before."""
    changed = [one for one in plan.inputs if one not in wanted.inputs]
    for one in changed:
        yield f"前回と違うもの: {one.option} {one.name} / changed since"
    was, now = say("verdict", wanted.verdict.value), say("verdict", found.verdict.value)
    yield (
        f"{wanted.check}: 前回 {was} → 今回 {now}（再現の確認。適合の判定ではない）"
        f" / before {wanted.verdict.value}, now {found.verdict.value}"
    )
    if found.verdict is wanted.verdict:
        same = said(found) == wanted.findings
        yield "所見も同じです / the same findings" if same else "判定は同じですが、所見が違います / other findings"
