"""Judges the records of a bundle again: the check bodies run on them once more, in a process of their own (docs/adr/0010).

The records are what the suite saw of the product, so a verdict that somebody wrote into the events is told from one that
the records give. Left out: checks that read the text of screens, which a bundle does not hold (their digest is kept).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from conformance.catalogue import load_catalogue
from conformance.engine.judge import Judge
from conformance.events import CheckEnded, ChecksFinished, read_events
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


class NotJudged(Exception):
    """The bodies did not come to their end on these records."""


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


def _judged(bundle: Opened, plan: Plan, module_command: ModuleCommand) -> Iterator[CheckEnded]:
    present = set(bundle.namelist())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "records").mkdir()
        (folder / "plan.json").write_text(plan.model_dump_json(), encoding="utf-8")
        for round_ in load_catalogue(plan.role).disturbances:
            if (record := f"records/{round_}.json") in present:
                (folder / record).write_bytes(bundle.read(record))
        command = module_command("conformance.engine.check_process", f"conformance.suites.{plan.role}", "--wait")
        with Judge(command, folder) as judge:
            judge.load()
            judge.go()
            code = judge.wait(LIMIT_SECONDS)
        ended = folder / "checks.ndjson"
        events = list(read_events(ended)) if ended.is_file() else []
        if code not in (0, 1) or not any(isinstance(one, ChecksFinished) for one in events):
            raise NotJudged(f"code {code}")
        yield from (one for one in events if isinstance(one, CheckEnded))


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
