"""``shinsei``: one word per job. Usage errors end with 2, anything unforeseen with 3, never with a stack trace."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import click

from conformance.verdicts import Exit


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Entry point; always ends by SystemExit with one of the five codes."""
    import typer.main

    from testbed.cli.app import app

    signal.signal(signal.SIGTERM, _interrupted)
    command = typer.main.get_command(app)
    try:
        code = command.main(standalone_mode=False, prog_name="shinsei")
    except click.UsageError as error:
        sys.stderr.write(f"{error.format_message()}（shinsei --help で使い方）\n")
        code = Exit.CONFIGURATION
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("中断しました / interrupted\n")
        code = Exit.INCOMPLETE
    except click.exceptions.Exit as error:
        code = error.exit_code
    except Exception as error:
        sys.stderr.write(f"試験側の誤り / harness error: {type(error).__name__}: {error}\n")
        code = Exit.HARNESS
    raise SystemExit(int(code or 0))
