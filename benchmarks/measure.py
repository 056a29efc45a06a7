"""How a benchmark states itself: measured values, the bound of the same run, the ratio, the goal."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Result:
    """One line of the table. ``ratio`` is what the goal speaks of; ``met`` whether it holds."""

    name: str
    ja: str
    value: float
    unit: str
    bound: float
    bound_ja: str
    ratio: float
    goal: str
    met: bool


def best(work: Callable[[], object], rounds: int = 5) -> float:
    """Seconds of the fastest of ``rounds`` runs: other processes can only slow a run down."""
    times = []
    for _ in range(rounds):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)


def alternating(first: Callable[[], object], second: Callable[[], object], rounds: int = 7) -> tuple[float, float]:
    """Fastest runs of two works that take turns, so that a busy machine disturbs both alike."""
    ones, twos = [], []
    for _ in range(rounds):
        ones.append(best(first, 1))
        twos.append(best(second, 1))
    return min(ones), min(twos)


_PEAK = (
    "import sys\n"
    "from pathlib import Path\n"
    "exec(sys.argv[1])\n"
    "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
)


def peak_kib(code: str) -> int:
    """Peak resident memory of a fresh process that runs ``code`` (Linux), in KiB."""
    done = subprocess.run([sys.executable, "-c", _PEAK, code], capture_output=True, text=True, check=True, cwd=ROOT)
    return int(done.stdout.split()[-1])


def write(name: str, results: list[Result]) -> None:
    """``results/NAME.json``, and the Markdown table of all results."""
    RESULTS.mkdir(exist_ok=True)
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "at": datetime.now(UTC).strftime("%Y-%m-%d"),
    }
    data = {"benchmark": name, "run": machine, "results": [asdict(one) for one in results]}
    (RESULTS / f"{name}.json").write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    _write_table()


def _write_table() -> None:
    lines = [
        "# 性能測定 / benchmarks",
        "",
        "比は、同じ実行の中で測った基準に対するもの。/ Ratios are against a bound measured in the same run.",
        "",
        "| 測定 | 値 | 基準 | 比 | 目標 | |",
        "|---|--:|--:|--:|---|---|",
    ]
    for path in sorted(RESULTS.glob("*.json")):
        for one in json.loads(path.read_text(encoding="utf-8")).get(
            "results", ()
        ):  # other files have tables of their own
            mark = "達成" if one["met"] else "**未達**"
            lines.append(
                f"| {one['ja']} | {one['value']:,.4g} {one['unit']} | {one['bound']:,.4g}（{one['bound_ja']}） "
                f"| {one['ratio']:.2f} | {one['goal']} | {mark} |"
            )
    (RESULTS / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
