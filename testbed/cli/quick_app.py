"""`shinsei quick`: one application from end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from conformance.quick import ROUND, stages
from conformance.record import Record
from conformance.results import Results
from conformance.verdicts import Exit
from conformance.visible import one_line
from testbed.cli import check as checking
from testbed.cli.common import LangOption, fail, language


def quick(
    target: Annotated[
        Path | None,
        typer.Option("--target", "-t", help="製品の設定ファイル。省くと同梱の製品 / the product's target.toml"),
    ] = None,
    image: Annotated[str, typer.Option("--image", help="製品のコンテナイメージ / the product's container image")] = "",
    out: Annotated[Path, typer.Option("--out", help="結果を置くフォルダ / folder for results")] = Path("out/quick"),
    database_url: Annotated[str, typer.Option("--database-url", envvar="SHINSEI_DATABASE_URL")] = "",
    lang: LangOption = "ja",
) -> None:
    """申請を一つだけ端から端まで通し、設定が整っているかを見る。終了コード: 0 通った / 4 途中まで / 2・3 始められない

    \b
    例 / example:
      shinsei quick --target target.toml
    """
    console = Console()
    request = checking.Request.of_quick(
        target=target, image=image, out=out, database_url=database_url, lang=language(lang)
    )
    try:
        run_dir, results = checking.play(request, console)
    except checking.BadRequest as error:
        raise fail(str(error)) from None
    raise typer.Exit(int(_show(run_dir, results, console, japanese=language(lang) == "ja")))


def _show(run_dir: Path, results: Results, console: Console, *, japanese: bool) -> Exit:
    for trouble in results.troubles:
        console.print(f"✕ {trouble.ja if japanese else trouble.en}", style="bold red", markup=False, highlight=False)
    path = run_dir / "records" / f"{ROUND}.json"
    if results.troubles or not path.is_file():
        code = results.exit()
        return code if code in (Exit.CONFIGURATION, Exit.HARNESS) else Exit.INCOMPLETE
    found = stages(Record.model_validate_json(path.read_text(encoding="utf-8")))
    for one in found:
        mark, style = ("○", "green") if one.reached else ("✕", "bold red")
        words = one.ja if japanese else one.en
        line = f"{mark} {words}" + (f"（{one_line(one.seen, 120)}）" if one.seen else "")
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
    if all(one.reached for one in found):
        console.print("設定は整っています。次は shinsei check / the set-up works, next: shinsei check", markup=False)
        return Exit.CONFORMANT
    return Exit.INCOMPLETE
