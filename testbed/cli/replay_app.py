"""`shinsei replay`: does a check that did not pass come out the same way again?"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from conformance.messages import say
from conformance.verdicts import Exit
from shinsei_testbed import module_command
from testbed.cli.common import fail
from testbed.replay import BadReplay, read_replay, words_of


def replay(
    file: Annotated[Path, typer.Argument(help="out/…/replay/検査.json")],
    whole: Annotated[
        bool,
        typer.Option("--whole", help="その検査だけでなく、すべて実施する / play the whole suite, not the check alone"),
    ] = False,
    healthy: Annotated[
        bool, typer.Option("--healthy", help="変異体ではなく、もとの製品で / the product itself instead of its mutant")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="結果を置くフォルダ / folder for results")] = Path("out/replay"),
) -> None:
    """適合しなかった検査を繰り返す。終了コード: 1 同じ結果 / 0 今度は適合 / 2・3・4 確かめられなかった

    \b
    例 / example:
      shinsei replay out/20261123-171919-am-e33e/replay/AM-3.4-06b.json
    """
    try:
        wanted = read_replay(file)
    except BadReplay as error:
        raise fail(str(error)) from None
    before = set(_results(out, wanted.role))
    words = words_of(wanted, file.parent, out, whole=whole, healthy=healthy)
    code = subprocess.run(module_command("testbed.cli.run", *words), check=False).returncode
    new = sorted(set(_results(out, wanted.role)) - before)
    verdict = _verdict(new[-1], wanted.check) if new else ""
    if not verdict or code in (Exit.CONFIGURATION, Exit.HARNESS):
        raise typer.Exit(code if code in (Exit.CONFIGURATION, Exit.HARNESS) else Exit.INCOMPLETE)
    was, now = say("verdict", wanted.verdict.value), say("verdict", verdict)
    typer.echo(
        f"{wanted.check}: 前回 {was} → 今回 {now}（再現の確認。適合の判定ではない） / before {wanted.verdict.value}, now {verdict}"
    )
    if verdict == "PASS":
        raise typer.Exit(Exit.CONFORMANT)
    raise typer.Exit(Exit.NOT_CONFORMANT if verdict == wanted.verdict.value else Exit.INCOMPLETE)


def _results(out: Path, role: str) -> list[Path]:
    return sorted(out.glob(f"*-{role}-*/results.json"))


def _verdict(path: Path, check: str) -> str:
    data = json.loads(path.read_text(encoding="utf-8"))
    return next((str(one["verdict"]) for one in data["checks"] if one["id"] == check), "")
