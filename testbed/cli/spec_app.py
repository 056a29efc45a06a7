"""``shinsei spec``: the generated interface specification."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from conformance.verdicts import Exit
from interface_spec.errors import SpecError
from interface_spec.profile import load_profile
from testbed.cli.common import fail

app = typer.Typer(
    help="インターフェース仕様書（自動生成） / the generated interface specification", no_args_is_help=True
)


@app.callback()
def spec() -> None:
    """インターフェース仕様書（自動生成） / the generated interface specification"""


@app.command("build")
def spec_build(
    check: Annotated[
        bool,
        typer.Option("--check", help="書かずに、古いファイルがあれば終了コード1 / write nothing, exit 1 when stale"),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="書くフォルダ。省くと docs/interface / folder to write to")
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option("--overlay", help="上書きファイルの契約で作る（--out が必要） / for this overlay")
    ] = None,
    base: Annotated[str, typer.Option("--base", help="元のプロファイル / base profile")] = "baseline",
) -> None:
    """仕様書（HTML・Markdown）と OpenAPI をプロファイルから作る / make the specification from the profile

    \b
    例 / examples:
      shinsei spec build                                 docs/interface を作り直す
      shinsei spec build --check                         古くなっていないか確かめる（CI用）
      shinsei spec build --overlay my.toml --out my-if   自社の契約の仕様書を作る
    """
    from testbed.specgen import build

    own = overlay is None and base == "baseline" and build.FOLDER.parent.is_dir()
    if out is None and not own:
        raise fail("--out: 仕様書を書くフォルダを指定してください / give the folder to write to")
    try:
        files = build.generate(load_profile(base, overlay))
    except SpecError as error:
        raise fail(str(error)) from None
    folder = out or build.FOLDER
    if not check:
        try:
            changed = build.write(files, folder)
        except OSError as error:
            raise fail(f"--out {folder}: 書けません（{error.strerror}） / cannot write") from None
        typer.echo(f"{folder}: {len(files)} ファイル（うち {changed} を更新） / {len(files)} files, {changed} changed")
        return
    found = build.stale(files, folder)
    for one in found:
        sys.stderr.write(f"{one}\n")
    if found:
        sys.stderr.write("shinsei spec build で作り直してください / run shinsei spec build\n")
        raise typer.Exit(Exit.NOT_CONFORMANT)
    typer.echo(f"{folder}: 最新です（{len(files)} ファイル） / up to date")
