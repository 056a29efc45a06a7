"""Judges the records of a bundle again: the check bodies run on them once more, in a process of their own (docs/adr/0010).

The records are what the suite saw of the product, so a verdict that somebody wrote into the events is told from one that
the records give. Left out: checks that read the text of screens, which a bundle does not hold (their digest is kept).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from conformance.catalogue import load_catalogue
from conformance.engine.judge import NotJudged as NotJudged
from conformance.engine.judge import judged_apart
from conformance.events import CheckEnded
from conformance.evidence.opened import Opened
from conformance.plan import Plan
from conformance.results import Results
from conformance.verdicts import Raw, worst

ModuleCommand = Callable[..., list[str]]
"""How a module of ours is started as a process of its own."""
ROLES = ("am",)
"""Roles whose bodies read records; the network roles are judged again from ``lab.json``, packages are not in the bundle."""
LIMIT_SECONDS = 180
JUDGED = (Raw.PASS, Raw.REVIEW, Raw.UNVERIFIED, Raw.NONCONFORMITY)
"""Ends that a body gives; an error of ours is nothing that anybody would forge."""
UNSEEN = "screen"
"""What a check needs that the records of a bundle do not hold."""


def otherwise(bundle: Opened, results: Results, plan: Plan, module_command: ModuleCommand) -> list[str]:
    """Checks whose end in the events is not what the records of the bundle give. Raises NotJudged.

    ``plan`` is one of this very suite (`conformance.evidence.replan`): its words name files here.
    """
    told = _said(results.ended)
    again = _said(_judged(bundle, plan, module_command))
    unseen = {one.id for one in load_catalogue(plan.role).checks.values() if one.needs == UNSEEN}
    return [
        one.id
        for one in plan.checks
        if one.status == "run" and one.id not in unseen and one.id in told and told[one.id][0] in JUDGED
        if told[one.id] != again.get(one.id)
    ]


def _judged(bundle: Opened, plan: Plan, module_command: ModuleCommand) -> list[CheckEnded]:
    present = set(bundle.namelist())
    names = {one: f"records/{one}.json" for one in load_catalogue(plan.role).disturbances}
    records = {one: bundle.read(name) for one, name in names.items() if name in present}
    command = module_command("conformance.engine.check_process", f"conformance.suites.{plan.role}", "--wait")
    return judged_apart(command, plan.model_dump_json(), records, LIMIT_SECONDS)


def _said(ended: Iterable[CheckEnded]) -> dict[str, tuple[Raw | None, frozenset[tuple[str, str]]]]:
    """Check id → how it ended, and what its findings say of which case."""
    phases: dict[str, list[CheckEnded]] = {}
    for one in ended:
        phases.setdefault(one.check, []).append(one)
    return {
        check: (
            worst(one.raw for one in all_),
            frozenset((one.finding.case, one.finding.ja) for one in all_ if one.finding is not None),
        )
        for check, all_ in phases.items()
    }
