"""``build`` of the commands that generate documents: write them, or with ``--check`` tell which are stale."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from conformance.verdicts import Exit
from testbed.cli.common import fail
from testbed.generated import Generated

CheckFlag = Annotated[
    bool, typer.Option("--check", help="書かずに、古いファイルがあれば終了コード1 / write nothing, exit 1 when stale")
]


def deliver(made: Generated, folder: Path, remake: str, *, check: bool) -> None:
    """Write ``made`` to ``folder`` and say how many changed; with ``check`` exit 1 when one is stale. Exit 2: cannot write."""
    count = len(made.files)
    if not check:
        try:
            changed = made.write(folder)
        except OSError as error:
            raise fail(f"--out {folder}: 書けません（{error.strerror}） / cannot write") from None
        typer.echo(f"{folder}: {count} ファイル（うち {changed} を更新） / {count} files, {changed} changed")
        return
    found = made.stale(folder)
    for one in found:
        sys.stderr.write(f"{one}\n")
    if found:
        sys.stderr.write(f"{remake} で作り直してください / run {remake}\n")
        raise typer.Exit(Exit.NOT_CONFORMANT)
    typer.echo(f"{folder}: 最新です（{count} ファイル） / up to date")
