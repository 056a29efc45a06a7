"""How long the commands take that people wait for: one mutant of ``am``, start included, and a whole check.

``SHINSEI_BENCH_MUTANTS`` names the mutants (comma separated); without it every mutant runs once, one after another.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.measure import ROOT, Result
from conformance.verdicts import Exit
from testbed.mutants.registry import mutants_of

MUTANT_SECONDS = 8.0
CHECK_SECONDS = 60.0
_ENDS = {Exit.NOT_CONFORMANT, Exit.INCOMPLETE}
"""A selected run that found its mutant: 1 when a 必須 check fails, 4 when only 推奨 ones do."""


def _check(*words: str, ends: set[Exit]) -> float:
    """Seconds of one ``shinsei check am``; RuntimeError when it ends as none of ``ends``."""
    with tempfile.TemporaryDirectory(prefix="shinsei-bench-") as folder:
        command = [str(Path(sys.executable).with_name("shinsei")), "check", "am", "--out", folder, *words]
        start = perf_counter()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        seconds = perf_counter() - start
    if done.returncode not in ends:
        raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds


def _result(name: str, ja: str, seconds: float, bound: float) -> Result:
    ratio = seconds / bound
    return Result(name, ja, seconds, "秒", bound, "約束した上限", ratio, "≤ 1.00", ratio <= 1)


def run() -> list[Result]:
    wanted = os.environ.get("SHINSEI_BENCH_MUTANTS", "")
    names = wanted.split(",") if wanted else list(mutants_of("am"))
    whole = min(_check(ends={Exit.CONFORMANT}) for _ in range(3))
    times = {name: _check("--mutant", name, ends=_ENDS) for name in names}
    slowest = max(times, key=lambda name: times[name])
    return [
        _result("check-am", "製品一つの適合性試験（am 全体、起動から報告書まで）", whole, CHECK_SECONDS),
        _result("mutant-slowest", f"変異体一つ: {len(times)} 件中で最も遅い {slowest}", times[slowest], MUTANT_SECONDS),
        _result("mutant-median", f"変異体一つ: {len(times)} 件の中央値", median(times.values()), MUTANT_SECONDS),
    ]
