"""``shinsei spec``: the generated interface specification."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interface_spec.errors import SpecError
from interface_spec.profile import load_profile
from testbed.cli.common import fail
from testbed.cli.generated import CheckFlag, deliver

app = typer.Typer(
    help="インターフェース仕様書（自動生成） / the generated interface specification", no_args_is_help=True
)


@app.callback()
def spec() -> None:
    """インターフェース仕様書（自動生成） / the generated interface specification"""


@app.command("build")
def spec_build(
    check: CheckFlag = False,
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
        made = build.made(load_profile(base, overlay))
    except SpecError as error:
        raise fail(str(error)) from None
    deliver(made, out or build.FOLDER, build.MARK, check=check)
