"""`python -I -m shinsei_testbed run MODULE [ARGS…]` and `… cli [ARGS…]`: our packages, isolated from the caller's."""

from __future__ import annotations

import gc
import sys

from shinsei_testbed import _is_isolated, _start_over, lib_dir

USAGE = (
    "使い方: python -I -m shinsei_testbed run モジュール名 [引数…]\n"
    "usage: python -I -m shinsei_testbed run MODULE [ARGS…] | cli [ARGS…]\n"
)


def dispatch(arguments: list[str]) -> None:
    """Run what `arguments` name; exit with status 2 on anything else than `run MODULE …` or `cli …`."""
    match arguments:
        case ["run", module, *rest]:
            _enter(module, rest)
            import runpy

            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case ["cli", *rest]:
            _enter("shinsei", rest)
            from testbed.cli import main

            main()
        case _:
            sys.stderr.write(USAGE)
            raise SystemExit(2)


# Loading thousands of model classes would wake the collector hundreds of times for nothing.
COLLECT_AFTER = (50_000, 20, 20)


def _enter(name: str, arguments: list[str]) -> None:
    gc.set_threshold(*COLLECT_AFTER)
    root = str(lib_dir())
    sys.path[:] = [root, *(entry for entry in sys.path if entry != root)]
    sys.argv[:] = [name, *arguments]


if __name__ == "__main__":
    if not _is_isolated():
        _start_over(sys.argv[1:])
    dispatch(sys.argv[1:])
