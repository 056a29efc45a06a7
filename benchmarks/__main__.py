"""``python -m benchmarks [NAME …]``: runs all or the named ones, writes ``results/``, ends with 1 when a goal is missed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from benchmarks.measure import Result, write

_OWN = {"__init__", "__main__", "measure"}


def names() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in _OWN)


def main(wanted: list[str]) -> int:
    unknown = [name for name in wanted if name not in names()]
    if unknown:
        sys.stderr.write(f"{unknown[0]}: 測定は {', '.join(names())} です / no such benchmark\n")
        return 2
    missed = 0
    for name in wanted or names():
        results: list[Result] = importlib.import_module(f"benchmarks.{name}").run()
        write(name, results)
        for one in results:
            missed += not one.met
            print(
                f"{'✓' if one.met else '✗'} {one.ja}: {one.value:,.4g} {one.unit}, 比 {one.ratio:.2f}（目標 {one.goal}）"
            )
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
