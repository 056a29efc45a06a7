"""Starts a product with one mutant in it: ``… run testbed.mutants.launch NAME MODULE [arguments]``."""

from __future__ import annotations

import os
import runpy
import sys

from shinsei_testbed import module_command


def mutant_command(name: str, module: str, *arguments: str) -> list[str]:
    """The command line that starts ``module`` with mutant ``name`` in it."""
    return module_command("testbed.mutants.launch", name, module, *arguments)


def main(words: list[str]) -> None:
    from testbed.mutants.hook import STALE, install
    from testbed.mutants.registry import mutant

    name, module, *arguments = words
    try:
        install(mutant(name))
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except AttributeError as error:
        if "no such target" not in str(error):
            raise
        print(str(error), file=sys.stderr, flush=True)  # noqa: T201
        os._exit(STALE)


if __name__ == "__main__":
    main(sys.argv[1:])
