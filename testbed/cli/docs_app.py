"""``shinsei docs`` and ``shinsei explain``: the reference pages, as files and on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from testbed.cli.common import fail
from testbed.cli.generated import CheckFlag, deliver

app = typer.Typer(help="早見表（自動生成の文書） / the generated reference pages", no_args_is_help=True)
MOST_PAGES = 8


@app.callback()
def docs() -> None:
    """早見表（自動生成の文書） / the generated reference pages"""


@app.command("build")
def docs_build(
    check: CheckFlag = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="書くフォルダ。省くと docs/reference / folder to write to")
    ] = None,
) -> None:
    """検査・変異体・擾乱・判定・終了コード・設定・コマンドのページを作る / make the reference pages

    \b
    例 / examples:
      shinsei docs build            docs/reference を作り直す
      shinsei docs build --check    古くなっていないか確かめる（CI用）
    """
    from testbed.docgen import build

    folder = out or build.folder()
    if out is None and not folder.parent.is_dir():
        raise fail("--out: 書くフォルダを指定してください / give the folder to write to")
    deliver(build.made(), folder, build.REMAKE, check=check)


def explain(
    word: Annotated[str, typer.Argument(help="検査・変異体・擾乱・判定・終了コード・設定・コマンド / what to explain")],
) -> None:
    """検査や設定など、一つの言葉のページを表示する / show the page about a check, mutant, setting …

    \b
    例 / examples:
      shinsei explain AM-3.1-01a
      shinsei explain 未検証
      shinsei explain 4
      shinsei explain target.profile.overlay
    """
    from testbed.docgen import build

    found = build.explain(word)
    if not found:
        raise fail(f"WORD {word}: そのページはありません（docs/reference に一覧） / there is no such page")
    console = Console()
    for one in found[:MOST_PAGES]:
        from rich.markdown import Markdown

        console.print(Markdown(one.text().replace("<!--", "\n<!--")))
    if len(found) > MOST_PAGES:
        console.print("、".join(one.name for one in found[MOST_PAGES:]))
