"""Child process that runs the check bodies: ``python -m … conformance.engine.check_process PACKAGE [pytest words]``.

PACKAGE holds the bodies (``conformance.suites.am``). With ``--wait`` it loads and collects everything first and runs the
first body when `GO` comes on standard input.
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


class _Waits:
    """Holds the controlling process between collecting and the first body; its standard input as it was before pytest's capture."""

    def __init__(self) -> None:
        self._input = os.fdopen(os.dup(sys.stdin.fileno()), "rb")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        with self._input as told:
            if told.readline() != GO:
                pytest.exit("the run has ended before", returncode=NOT_TOLD)


def main(words: list[str]) -> int:
    suite, *rest = words
    package = importlib.import_module(suite)
    modules = [name for _, name, _ in pkgutil.iter_modules(package.__path__)]
    for name in modules:
        importlib.import_module(f"{package.__name__}.{name}")
    waits: list[object] = []
    if "--wait" in rest:
        rest.remove("--wait")
        waits.append(_Waits())
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
            ],
            plugins=waits,
        )
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
