"""Starts the embedded relay with one code mutant in it: ``… run testbed.mutants.relay.launch NAME MODULE [arguments]``."""

from __future__ import annotations

import runpy
import sys

from testbed.mutants.hook import install
from testbed.mutants.relay.code import CODE


def main(words: list[str]) -> None:
    name, module, *arguments = words
    install(CODE[name])
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
