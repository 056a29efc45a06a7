"""The network lab under CPU load on every core: the same verdicts in every run, for a faultless and for a faulty product.

Twenty runs take minutes; ``SHINSEI_BENCH_RUNS`` says how many this call adds to those in ``results/firewall-load-runs.json``.
Runs of another version of the suite are thrown away.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter

from benchmarks.firewall import reference
from benchmarks.measure import RESULTS, ROOT, Result
from conformance.firewall.job import Job, Variant
from conformance.firewall.judge import judge
from conformance.firewall.record import LabRecord
from conformance.firewall.start import lab_folder, run_lab
from shinsei_testbed import module_command
from testbed.mutants.firewall.model import load_mutants
from testbed.mutants.firewall.run import Base, plan_for, variant_of

RUNS = 20
THIS_TIME = int(os.environ.get("SHINSEI_BENCH_RUNS", str(RUNS)))
FAULTY = ("B17", "B24", "L09", "S03", "E04")
"""Mutants that are played in each run too: leaks, blocked flows that are waited for, a relay that is judged under a crowd."""
LIMIT_SECONDS = 180.0
FILE = RESULTS / "firewall-load-runs.json"
PARTS = ("conformance/firewall", "conformance/suites/fw", "conformance/suites/relay", "reference_impl/firewall")


@contextmanager
def busy_cores() -> Iterator[int]:
    """Every core busy with a process of its own."""
    cores = sorted(os.sched_getaffinity(0))
    hogs = []
    for core in cores:
        code = f"import os\nos.sched_setaffinity(0, {{{core}}})\nwhile os.getppid() == {os.getpid()}:\n    sum(range(100000))"
        hogs.append(subprocess.Popen([sys.executable, "-c", code]))
    try:
        yield len(cores)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def fingerprint() -> str:
    """Hash of what decides the verdicts."""
    digest = hashlib.sha256()
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*")):
            if path.suffix in (".py", ".toml"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def one_run(base: Base) -> tuple[float, dict[str, str]]:
    """(seconds, verdict of each check of each product) of one lab that plays the reference and the faulty ones."""
    known = load_mutants()
    variants: list[Variant] = [reference(base), *(variant_of(base, known[name], module_command) for name in FAULTY)]
    started = perf_counter()
    with lab_folder() as place:
        job = Job(
            policy=base.text, policy_name="bench", work=str(place.folder), prefix=place.prefix,
            variants=tuple(variants), trace=False,
        )  # fmt: skip
        records = run_lab(job, module_command, limit_seconds=LIMIT_SECONDS, extra_tools=("squid",))
    seconds = perf_counter() - started
    found = {}
    for name, role in (("reference", "B01"), ("reference", "S01"), *((one, one) for one in FAULTY)):
        for check, verdict in _verdicts(base, role, records[name]):
            found[f"{name} {check}"] = verdict
    return seconds, found


def _verdicts(base: Base, like: str, record: LabRecord) -> Iterator[tuple[str, str]]:
    """Check and verdict of a record, judged by the plan that mutant ``like`` is judged by."""
    for event in judge(plan_for(base.policy, load_mutants()[like]), base.policy, record, lambda: datetime.now(UTC)):
        yield event.check, event.raw.value


def _earlier(version: str) -> list[dict[str, object]]:
    if not FILE.is_file():
        return []
    data = json.loads(FILE.read_text(encoding="utf-8"))
    runs: list[dict[str, object]] = data["runs"] if data["version"] == version else []
    return runs


def run() -> list[Result]:
    """Adds runs until there are twenty; the share of them that gave the verdicts of most."""
    base, version = Base.load(), fingerprint()
    runs = _earlier(version)
    with busy_cores() as cores:
        for _ in range(min(THIS_TIME, RUNS - len(runs))):
            seconds, verdicts = one_run(base)
            digest = hashlib.sha256(json.dumps(verdicts, sort_keys=True).encode()).hexdigest()[:16]
            counts = dict(sorted(Counter(verdicts.values()).items()))
            runs.append({"seconds": round(seconds, 1), "verdicts": digest, "counts": counts})
            _save(version, cores, runs)
    same = max(Counter(str(one["verdicts"]) for one in runs).values())
    return [
        Result(
            "load", f"すべてのコアに負荷をかけた {RUNS} 回の実施で判定が同じだったもの（{len(runs)} 回実施）", same, "回",
            RUNS, "実施の回数", same / RUNS, "= 1.00", same == RUNS,
        )
    ]  # fmt: skip


def _save(version: str, cores: int, runs: list[dict[str, object]]) -> None:
    data = {"benchmark": "firewall-load-runs", "version": version, "busy_cores": cores, "runs": runs}
    FILE.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
