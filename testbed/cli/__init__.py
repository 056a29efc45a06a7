"""``shinsei``: one word per job. Usage errors end with 2, anything unforeseen with 3, never with a stack trace."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import typer.main

from conformance.verdicts import Exit


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _is_usage(error: Exception) -> bool:
    """Whether the command line was wrong.

    Typer brings a copy of click whose classes are not those of an installed click: known by what they offer.
    """
    return hasattr(error, "format_message") and getattr(error, "exit_code", None) == Exit.CONFIGURATION


def _tell_usage(error: Exception) -> None:
    words = getattr(error, "format_message")()  # noqa: B009 - see `_is_usage`
    if words:
        sys.stderr.write(f"{words}（shinsei --help で使い方） / see shinsei --help\n")
    else:  # called with nothing at all: its help
        getattr(error, "show")()  # noqa: B009


def main() -> None:
    """Entry point; always ends by SystemExit with one of the five codes."""

    from testbed.cli.app import app

    signal.signal(signal.SIGTERM, _interrupted)
    command = typer.main.get_command(app)
    try:
        code = command.main(standalone_mode=False, prog_name="shinsei")
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("中断しました / interrupted\n")
        code = Exit.INCOMPLETE
    except typer.Exit as error:
        code = error.exit_code
    except SystemExit:  # typer's own end when nobody reads its output any more
        code = Exit.INCOMPLETE
    except Exception as error:
        if _is_usage(error):
            _tell_usage(error)
            raise SystemExit(int(Exit.CONFIGURATION)) from None
        sys.stderr.write(f"試験側の誤り / harness error: {type(error).__name__}: {error}\n")
        code = Exit.HARNESS
    raise SystemExit(int(code or 0))
