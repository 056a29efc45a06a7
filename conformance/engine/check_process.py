"""Child process that runs the check bodies: ``python -m … conformance.engine.check_process PACKAGE [pytest words]``.

PACKAGE holds the bodies (``conformance.suites.am``). With ``--wait`` it loads everything first and begins when `GO` comes on standard input.
Its exit code means: 0 every body ended in an event (of whatever verdict), 1 likewise with failures, anything else: ours.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from pathlib import Path

import pytest

from conformance.engine.environment import GO, RUN_DIR

NOT_TOLD = 5
"""Exit code of a process that waited and was never told to go: the run has ended before."""
INI = "[pytest]\naddopts =\nfilterwarnings = default\n"


def main(words: list[str]) -> int:
    suite, *rest = words
    package = importlib.import_module(suite)
    modules = [name for _, name, _ in pkgutil.iter_modules(package.__path__)]
    for name in modules:
        importlib.import_module(f"{package.__name__}.{name}")
    if "--wait" in rest:
        rest.remove("--wait")
        importlib.import_module("conformance.engine.pytest_plugin")
        if sys.stdin.buffer.readline() != GO:
            return NOT_TOLD
    folder = Path(package.__path__[0])
    ini = Path(os.environ[RUN_DIR]) / "pytest.ini"
    ini.write_text(INI, encoding="utf-8")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    parallel = ["-p", "xdist.plugin", "--max-worker-restart=2"] if "-n" in rest else []
    return int(
        pytest.main(
            [
                "-p", "conformance.engine.pytest_plugin",
                "-p", "no:cacheprovider",
                *parallel,
                "-c", str(ini),
                "--rootdir", str(folder),
                "--confcutdir", str(folder),
                "--noconftest",
                "--import-mode=importlib",
                "-q", "--no-header", "--tb=no", "-rN", "--color=no",
                "-o", "python_functions=no_function_is_collected_by_name",
                "-o", "python_files=*.py",
                *rest,
                *(str(folder / f"{name}.py") for name in modules),
            ]
        )
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
