"""Pages of commands, from the command line itself: what each does, its arguments and options."""

from __future__ import annotations

from collections.abc import Iterator

import typer
import typer.main
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from testbed.docgen.model import Entry, link, plain, table

KIND = "commands"


def commands() -> Iterator[tuple[str, TyperCommand]]:
    """(words after ``shinsei``, command) of every command."""
    from testbed.cli.app import app

    yield from _below(typer.main.get_group(app), "")


def _below(group: TyperGroup, words: str) -> Iterator[tuple[str, TyperCommand]]:
    for name, command in group.commands.items():
        path = f"{words} {name}".strip()
        if isinstance(command, TyperGroup):
            yield from _below(command, path)
        elif isinstance(command, TyperCommand):
            yield path, command


def pages() -> Iterator[Entry]:
    """Every command."""
    for path, command in commands():
        context = typer.Context(command, info_name=f"shinsei {path}")
        usage = " ".join([f"shinsei {path}", *command.collect_usage_pieces(context)])
        first, _, rest = (command.help or "").replace("\b\n", "").strip().partition("\n")
        body = [f"```\n{usage}\n```"]
        if rest.strip():
            body.append(f"```\n{_dedented(rest)}\n```")
        arguments = [one for one in command.params if isinstance(one, TyperArgument)]
        if arguments:
            rows = [(_code(one.name), plain(getattr(one, "help", "") or "")) for one in arguments]
            body.append("## 引数 / Arguments\n\n" + table(("名前", "意味"), rows))
        options = [one for one in command.params if isinstance(one, TyperOption) and not one.hidden]
        if options:
            rows = [(", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts)), plain(one.help or "")) for one in options]  # fmt: skip
            body.append("## オプション / Options\n\n" + table(("名前", "意味"), rows))
        yield Entry(KIND, f"shinsei {path}", "", first, tuple(body))


def _dedented(text: str) -> str:
    lines = text.strip("\n").splitlines()
    least = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[least:].rstrip() for line in lines).strip()


def index() -> str:
    """All commands."""
    rows = [(link(KIND, one.name, KIND), plain(one.en)) for one in pages()]
    return "# コマンド / Commands\n\n" + table(("コマンド", "すること"), rows)


def _code(name: str | None) -> str:
    return f"`{(name or '').upper()}`"
