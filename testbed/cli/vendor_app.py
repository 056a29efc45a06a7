"""`shinsei init` and `shinsei doctor`: a vendor's first two commands."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from conformance.doctor import examine
from conformance.engine.run import today
from conformance.evidence.challenge import ChallengeError, load_challenge, seed_of
from conformance.template import template
from conformance.verdicts import Exit
from interface_spec.requirements import ROLES
from testbed.cli.common import JsonFlag, LangOption, fail, language

MARKS = {"ok": ("○", "green"), "note": ("・", "yellow"), "bad": ("✕", "bold red"), "set": (" ", "cyan")}

SHEET = {"ja": "── 製品側に設定する値 ──", "en": "── 製品側に設定する値 / values to set on the product's side ──"}


def init(
    role: Annotated[str, typer.Argument(help=f"役割 / role: {' '.join(ROLES)}")] = "am",
    file: Annotated[Path, typer.Option("--file", "-f", help="書き出すファイル / file to write")] = Path("target.toml"),
) -> None:
    """注釈つきの target.toml を書く。すでにあるファイルは上書きしない / write a commented target.toml"""
    if role not in ROLES:
        raise fail(f"ROLE {role}: 使える役割は {', '.join(ROLES)} です / unknown role")
    text = template(role)
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise fail(
            f"{file}: すでにあります（--file で別の名前を指定） / exists already, choose another --file"
        ) from None
    except OSError as error:
        raise fail(f"{file}: 書けません（{error.strerror}） / cannot be written") from None
    typer.echo(f"{file} を書きました。次は shinsei doctor {file} / written, next: shinsei doctor {file}")


def doctor(
    target: Annotated[Path, typer.Argument(help="target.toml")] = Path("target.toml"),
    challenge: Annotated[
        Path | None, typer.Option("--challenge", help="この実施のチャレンジ / challenge of the run that is meant")
    ] = None,
    as_json: JsonFlag = False,
    lang: LangOption = "ja",
) -> None:
    """実施の前に設定を確かめる。直すべき項目があれば終了コード 2 / examine the configuration before a run

    \b
    例 / example:
      shinsei doctor target.toml
    """
    try:
        seed = seed_of(load_challenge(challenge).nonce) if challenge else None
    except ChallengeError as error:
        raise fail(str(error)) from None
    found = examine(target, today=today(), seed=seed)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1))
    else:
        console = Console()
        headed = False
        for one in found:
            if one.grade == "set" and not headed:
                headed = True
                console.print(SHEET[language(lang)], style="bold", markup=False, highlight=False)
            mark, style = MARKS[one.grade]
            words = one.ja if language(lang) == "ja" else one.en
            line = f"{mark} {one.field + ': ' if one.field else ''}{words}"
            console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
    bad = any(one.grade == "bad" for one in found)
    raise typer.Exit(int(Exit.CONFIGURATION if bad else Exit.CONFORMANT))
