"""``shinsei``: one word per job. Usage errors end with 2, anything unforeseen with 3, never with a stack trace."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from conformance.verdicts import Exit

INTERRUPTED = 130
"""What Typer makes of Ctrl-C."""


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _is_usage(error: BaseException) -> bool:
    """Whether the command line was wrong.

    Typer brings a copy of click whose classes are not those of an installed click: known by what they offer.
    """
    return hasattr(error, "format_message") and getattr(error, "exit_code", None) == Exit.CONFIGURATION


def _tell_usage(error: BaseException) -> None:
    words = getattr(error, "format_message")()  # noqa: B009 - see `_is_usage`
    if words:
        sys.stderr.write(f"{words}（shinsei --help で使い方） / see shinsei --help\n")
    else:  # called with nothing at all: its help
        getattr(error, "show")()  # noqa: B009


def _command() -> object:
    from testbed.cli import ahead

    with ahead.loading(sys.argv[1:]):
        from typer.main import get_command

        if sys.argv[1:2] == ["check"]:  # the other commands' modules would cost a run a third of a second
            from testbed.cli.root import app
        else:
            from testbed.cli.app import app

        signal.signal(signal.SIGTERM, _interrupted)
        return get_command(app).main(standalone_mode=False, prog_name="shinsei") or Exit.CONFORMANT


def _exit_of(error: BaseException) -> int:
    """Exit code of any end other than a return, with one sentence on stderr."""
    if isinstance(error, (KeyboardInterrupt, SystemExit)) or type(error).__name__ == "Abort":
        # SystemExit: Typer's end when nobody reads its output any more
        sys.stderr.write("中断しました / interrupted\n")
        return Exit.INCOMPLETE
    if _is_usage(error):
        _tell_usage(error)
        return Exit.CONFIGURATION
    sys.stderr.write(f"試験側の誤り / harness error: {type(error).__name__}: {error}\n")
    return Exit.HARNESS


def main() -> None:
    """Entry point; always ends by SystemExit with one of the five codes, also when a part of us does not load."""
    try:
        code = _command()
    except BaseException as error:
        code = _exit_of(error)
    if code == INTERRUPTED:
        code = _exit_of(KeyboardInterrupt())
    raise SystemExit(int(code) if isinstance(code, int) and code in list(Exit) else int(Exit.HARNESS))
