"""The one package that is installed: it finds our flat packages and runs them in isolation (docs/adr/0002).

The wheel holds the flat packages below `_lib`; in a checkout they are the repository's own folders. Whatever
runs them is a fresh `python -I`: neither PYTHON* variables nor the working directory of the caller decide
what is imported. This module therefore imports nothing at its top but what the interpreter has loaded already.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_ISOLATED = ("-I", "-X", "utf8")


def lib_dir() -> Path:
    """Return the folder that holds our flat packages (`testbed`, `conformance`, …)."""
    from pathlib import Path

    package = Path(__file__).resolve().parent
    bundled = package / "_lib"
    return bundled if bundled.is_dir() else package.parent


def module_command(module: str, *args: str) -> list[str]:
    """Return the command line that runs one of our modules as `__main__` in an isolated child process."""
    return [sys.executable, *_ISOLATED, "-m", "shinsei_testbed", "run", module, *args]


def main() -> None:
    """Run the `shinsei` command: start over as `python -I`, then call `testbed.cli.main()`."""
    _start_over(["cli", *sys.argv[1:]])


def _is_isolated() -> bool:
    return bool(sys.flags.isolated and sys.flags.utf8_mode)


def _start_over(arguments: Sequence[str]) -> None:
    """Replace this process by an isolated one; Windows has no exec that keeps the console, so wait for a child."""
    command = [sys.executable, *_ISOLATED, "-m", "shinsei_testbed", *arguments]
    if os.name != "nt":
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(command[0], command)  # noqa: S606
    own = tuple({sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix})
    sys.path[:] = [entry for entry in sys.path if entry.startswith(own)]
    import subprocess

    raise SystemExit(subprocess.call(command))
