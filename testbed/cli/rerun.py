"""`report verify --rerun`: carries the run of a bundle out again and compares: same seed, same date, same suite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conformance.evidence.compare import Comparison, compare, read_run
from conformance.evidence.manifest import Manifest, suite_digest
from conformance.plan import Plan
from conformance.reporters.machine import as_dict
from conformance.results import Results
from conformance.suites.package.consistency import Listed
from testbed.cli import check as checking
from testbed.cli import network, packages
from testbed.cli.common import NETWORK_ROLES
from testbed.mutants.registry import UnknownMutant


class RerunProblem(ValueError):
    """The run cannot be repeated here (exit 2); ``str()`` is one sentence."""


@dataclass(frozen=True)
class Setup:
    """The product to run again, as the command line gave it; nothing given is the bundled one."""

    target: Path | None
    overlay: Path | None
    policy: Path
    boundary: tuple[Path, ...]
    lgwan: tuple[Path, ...]
    proxy: Path | None
    out: Path
    packages: tuple[Path, ...] = ()


def run_again(results: Results, manifest: Manifest, setup: Setup) -> Comparison:
    """Runs what the bundle says was run and compares every verdict and condition. Raises RerunProblem."""
    plan = results.plan
    if plan is None:
        raise RerunProblem("証跡に計画がありません / the bundle has no plan")
    if manifest.suite_sha256 != suite_digest():
        raise RerunProblem(
            f"試験一式が違います（証跡 {manifest.suite_version} {manifest.suite_sha256[:16]}、手元 {suite_digest()[:16]}）。"
            "同じ版を入れてください / another suite made the bundle: install that version"
        )
    if plan.role == "package" and plan.adapter == "files" and not setup.packages:
        names = "、".join(one.name for one in plan.inputs if one.option == "FILE")
        raise RerunProblem(
            f"--package: 検査した申請ZIP（{names}）を渡してください / --rerun needs the packages that were judged"
        )
    selected = tuple(one.id for one in plan.checks if one.status == "run")
    whole = not any(one.status == "deselected" for one in plan.checks)
    select = () if whole else selected
    before = set(setup.out.glob("*/results.json")) if setup.out.is_dir() else set()
    try:
        _carry_out(plan, setup, select)
    except (checking.BadRequest, UnknownMutant) as error:
        raise RerunProblem(str(error)) from None
    made = sorted(set(setup.out.glob("*/results.json")) - before)
    if not made:
        raise RerunProblem(f"--out {setup.out}: 再実施の結果がありません / the repeated run left no result")
    return compare(as_dict(results), read_run(made[-1]))


def _carry_out(plan: Plan, setup: Setup, select: tuple[str, ...]) -> None:
    if plan.role in NETWORK_ROLES:
        network.carry_out(
            network.Request(
                role=plan.role,
                target=setup.target,
                policy=setup.policy,
                boundary=setup.boundary,
                lgwan=setup.lgwan,
                proxy=setup.proxy,
                select=select,
                mutant="" if _own(setup) else plan.mutant,
                reference_date=plan.reference_date,
                out=setup.out,
                gate_waived=False,
                as_json=False,
                lang="ja",
            )
        )
        return
    if plan.role == "package":
        packages.carry_out(
            packages.Request(
                files=setup.packages,
                overlay=setup.overlay,
                select=select,
                mutant=plan.mutant,
                seed=plan.seed,
                reference_date=plan.reference_date,
                out=setup.out,
                gate_waived=False,
                as_json=False,
                lang="ja",
                listed=_listed(plan),
            )
        )
        return
    checking.carry_out(
        checking.Request(
            role=plan.role,
            target=setup.target,
            select=select,
            fail_fast=False,
            workers=0,
            mutant=plan.mutant if setup.target is None else "",
            overlay=setup.overlay,
            seed=plan.seed,
            reference_date=plan.reference_date,
            out=setup.out,
            database_url="",
            gate_waived=False,
            as_json=False,
            lang="ja",
        )
    )


def _own(setup: Setup) -> bool:
    """Whether a product of the user's own is run again, not the bundled one."""
    return bool(setup.target or setup.boundary or setup.lgwan or setup.proxy)


def _listed(plan: Plan) -> Listed:
    """What the packages were compared with, as the plan has it."""
    given = {one.option.removeprefix("listed."): one.name for one in plan.inputs if one.option.startswith("listed.")}
    return Listed(**given)
