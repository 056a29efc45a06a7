"""`shinsei check package`: files of a vendor, or the bundled writer's own packages, judged as a run like any other role's.

`shinsei validate` judges the same way and is the quick look; a check is the run with its plan, selection, challenge and
exit codes (a selection, or a rule that could not be looked at, ends in 4).
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console

from conformance import SUITE_VERSION
from conformance.engine.run import new_run_id, today
from conformance.messages import Lang
from conformance.package_run import ROLE, Judged, judged, package_plan, write_run
from conformance.plan import Challenge
from conformance.suites.package.consistency import Listed
from conformance.suites.package.validate import Validator
from conformance.verdicts import Exit
from interface_spec.errors import SpecError
from interface_spec.profile import Profile, load_profile
from testbed.cli import check as checking
from testbed.cli.common import fail
from testbed.mutants.model import Mutant
from testbed.mutants.registry import mutant as find_mutant
from testbed.replay import Given, note_given

WRITER = {"name": "申請ZIPの生成（fixtures）", "version": SUITE_VERSION, "vendor": "申請連携テストベッド"}
MADE = "packages"
WRITTEN = (
    "k01-plain",
    "k01-three-children",
    "k01-api-origin",
    "k01-hard-characters",
    "c01-self",
    "c01-family",
    "s02-plain",
)
"""Applications that the bundled writer makes: every procedure, origin and kind of applicant that the cases have."""
MUTANT_CASE = "k01-plain"


@dataclass(frozen=True)
class Request:
    """One run of the role ``package``. No ``files``: the bundled writer is the product, a mutant of it with ``mutant``."""

    files: tuple[Path, ...]
    overlay: Path | None
    select: tuple[str, ...]
    mutant: str
    seed: int | None
    reference_date: date | None
    out: Path
    gate_waived: bool
    as_json: bool
    lang: Lang
    listed: Listed = dataclasses.field(default_factory=Listed)
    challenge: Challenge | None = None


def carry_out(request: Request) -> Exit:
    """One run with its reports; returns the exit code. Exit 2 for a file or profile that cannot be used; UnknownMutant."""
    if request.files and request.mutant:
        raise checking.BadRequest(
            "--mutant: 同梱の道具だけに使えます（FILE は付けません） / for the bundled writer only, give no FILE"
        )
    mutant = find_mutant(request.mutant, ROLE) if request.mutant else None
    seed = 1 if request.seed is None else request.seed
    day = request.reference_date or today()
    run_dir = checking.made((request.out / new_run_id(ROLE)).resolve(), str(request.out))
    try:
        profile = load_profile("baseline", request.overlay)
        files = (
            _given(request, profile) if request.files else list(_written(profile, seed, day, mutant, run_dir / MADE))
        )
        plan = package_plan(
            run_dir.name,
            profile,
            request.overlay.name if request.overlay else "",
            files,
            day,
            select=request.select,
            mutant=request.mutant,
            seed=0 if request.files else seed,
            challenge=request.challenge,
            product=None if request.files else WRITER,
            listed=request.listed,
        )
    except (SpecError, OSError) as error:
        shutil.rmtree(run_dir)
        raise fail(_sentence(error)) from None
    note_given(run_dir, given_of(request.files, request.overlay, request.listed))
    write_run(plan, files, run_dir)
    return checking.report(
        run_dir,
        request.lang,
        as_json=request.as_json,
        gate_waived=request.gate_waived,
        console=Console(stderr=request.as_json),
    )


def given_of(files: Sequence[Path], overlay: Path | None, listed: Listed) -> Given:
    """What repeats a validation."""
    return Given.of(
        {"FILE": files, "--overlay": (overlay,) if overlay else ()},
        {
            "--receipt-no": listed.receipt_no,
            "--dantai-code": listed.dantai_code,
            "--procedure": listed.procedure_id,
        },
    )


def _sentence(error: SpecError | OSError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: 読めません（{error.strerror}） / cannot be read"
    return str(error)


def _given(request: Request, profile: Profile) -> list[Judged]:
    validator = Validator(profile)
    return [judged(path, validator.validate_file(path, request.listed)) for path in request.files]


def _written(profile: Profile, seed: int, day: date, mutant: Mutant | None, folder: Path) -> Iterator[Judged]:
    """The writer's packages, each kept in ``folder`` and judged with what 申請データ一覧 says of it."""
    from fixtures.world import World
    from testbed.mutants.package.run import applied

    folder.mkdir()
    validator = Validator(profile)
    world = World(seed=seed, reference_date=day, profile=profile)
    for name in WRITTEN if mutant is None else (MUTANT_CASE,):
        if mutant is None:
            case = world.case(name)
        else:
            with applied(mutant):
                case = world.case(name)
        path = folder / f"{name}.zip"
        path.write_bytes(case.zip_bytes)
        yield judged(path, validator.validate_file(path, Listed(case.receipt_no, case.dantai_code, case.procedure_id)))
