"""Going on with a run that was interrupted: rounds that were played to their end are kept, the others are played.

The resumed run is a run of its own, with its own folder and plan; what it took over is in its events.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pydantic import ValidationError

from conformance.plan import Plan
from conformance.record import Record
from conformance.target import TargetError

SAME = (
    "role",
    "suite_version",
    "world_version",
    "seed",
    "reference_date",
    "product",
    "profile",
    "checks",
    "adapter",
    "suite_sha256",
)
"""Parts of the plan that two runs must share, or their records do not belong together."""


def earlier_plan(folder: Path) -> Plan:
    """The plan of the run in ``folder``. TargetError when there is none."""
    try:
        return Plan.model_validate_json((folder / "plan.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        raise TargetError(
            f"--resume {folder}", "実施のフォルダー（plan.json）ではありません", "is no folder of a run (plan.json)"
        ) from None


def same_run(earlier: Plan, plan: Plan) -> None:
    """Raises TargetError unless both plans ask the same of the same product."""
    for name in SAME:
        if getattr(earlier, name) != getattr(plan, name):
            raise TargetError(
                f"--resume {earlier.run_id}",
                f"前回と {name} が違うため、続けられません（はじめからやり直してください）",
                f"{name} differs from the earlier run: begin anew",
            )


def kept_rounds(folder: Path | None, plan: Plan) -> dict[str, Record]:
    """Records without a gap of the rounds that the run in ``folder`` has played to their end, with the product alive."""
    found: dict[str, Record] = {}
    for planned in plan.rounds if folder is not None else ():
        path = (folder or Path()) / "records" / f"{planned.id}.json"
        try:
            record = Record.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValidationError):
            continue
        if record.alive and not record.gap_ja and record.cases.keys() == set(planned.cases):
            found[planned.id] = record
    return found


def keep(record: Record, run_dir: Path) -> None:
    """Writes a record that was taken over into the run's own folder."""
    (run_dir / "records" / f"{record.round}.json").write_text(record.model_dump_json(), encoding="utf-8")


def keep_attached(folder: Path, run_dir: Path, names: tuple[str, ...]) -> None:
    """Copies what belongs to records that were taken over: the operator's journal and pictures."""
    for name in names:
        source = folder / name
        if source.is_dir():
            shutil.copytree(source, run_dir / name, dirs_exist_ok=True)
        elif source.is_file():
            shutil.copy(source, run_dir / name)
