"""The network lab: one whole run of firewalls and relay, and every mutant by itself.

The whole: control, each firewall alone, relay alone, chain, reload, start, relay down. What each mutant took stands in
``results/firewall-mutants.json``.
"""

from __future__ import annotations

import json
from time import perf_counter

from benchmarks.measure import RESULTS, Result
from conformance.firewall.job import FW_ROUNDS, Job, ProxyJob, Variant
from conformance.firewall.rules import make_rules
from conformance.firewall.start import lab_folder, run_lab
from shinsei_testbed import module_command
from testbed.mutants.firewall.model import load_mutants
from testbed.mutants.firewall.run import Base, NetworkKill, run_mutants

LAB_SECONDS = 25.0
MUTANT_SECONDS = 2.0
LIMIT_SECONDS = 120.0


def reference(base: Base) -> Variant:
    """The reference rulesets and the reference Squid, every round."""
    return Variant(
        name="reference",
        boundary=make_rules("boundary", [("boundary.nft", base.reference("boundary").encode())], base.policy),
        lgwan=make_rules("lgwan", [("lgwan.nft", base.reference("lgwan").encode())], base.policy),
        proxy=ProxyJob(
            conf=base.reference("squid"), log="log/access.log", empty_list={"squid.conf": base.empty_squid()}
        ),
        rounds=FW_ROUNDS,
    )


def whole_lab() -> float:
    """Wall seconds of one lab with everything in it, from nothing to the record."""
    base = Base.load()
    started = perf_counter()
    with lab_folder() as place:
        job = Job(
            policy=base.text, policy_name="bench", work=str(place.folder), prefix=place.prefix,
            variants=(reference(base),),
        )  # fmt: skip
        run_lab(job, module_command, limit_seconds=LIMIT_SECONDS, extra_tools=("squid",))
    return perf_counter() - started


def _write_seconds(kills: list[NetworkKill]) -> None:
    slowest = sorted(kills, key=lambda one: -one.seconds)
    data = {
        "benchmark": "firewall-mutants",
        "unit": "s",
        "as_declared": sum(one.as_declared for one in kills),
        "unverified": {one.mutant.id: one.unavailable for one in kills if one.unavailable},
        "of": len(kills),
        "seconds": {one.mutant.id: round(one.seconds, 2) for one in slowest},
    }
    text = json.dumps(data, ensure_ascii=False, indent=1) + "\n"
    (RESULTS / "firewall-mutants.json").write_text(text, encoding="utf-8")


def run() -> list[Result]:
    """The whole lab, the slowest mutant, and how many mutants came out as declared."""
    lab = whole_lab()
    kills = run_mutants(list(load_mutants().values()), module_command)
    _write_seconds(kills)
    slowest = max(kills, key=lambda one: one.seconds)
    declared, playable = sum(one.as_declared for one in kills), sum(not one.unavailable for one in kills)
    return [
        Result(
            "lab", "実験網の全ラウンド（対照・FWごと・連携サーバ・全体・再読込み・起動・停止）", lab, "秒",
            LAB_SECONDS, "目標値", lab / LAB_SECONDS, f"≤ {LAB_SECONDS:.0f} 秒", lab <= LAB_SECONDS,
        ),
        Result(
            "mutant", f"網の変異体 {len(kills)} 件のうち最も長いもの（{slowest.mutant.id}）", slowest.seconds, "秒",
            MUTANT_SECONDS, "目標値", slowest.seconds / MUTANT_SECONDS, f"≤ {MUTANT_SECONDS:.0f} 秒",
            slowest.seconds <= MUTANT_SECONDS,
        ),
        Result(
            "as-declared", f"網の変異体 {len(kills)} 件のうち宣言どおりの検査が捕まえたもの", declared, "件", playable,
            "この機械で試せた変異体の数", declared / playable, "= 1.00", declared == playable,
        ),
    ]  # fmt: skip
