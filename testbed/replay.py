"""`shinsei replay FILE`: repeats one check that did not pass, with what the run was given.

A run leaves one small file a check in ``<run>/replay/``; paths in it are relative to the file, secrets are not in it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from conformance.results import Results
from conformance.verdicts import Verdict

FOLDER = "replay"
REPEATED = (Verdict.FAIL, Verdict.WARN, Verdict.REVIEW, Verdict.UNVERIFIED, Verdict.ERROR)
OPTIONS = ("--target", "--overlay", "--policy", "--boundary", "--lgwan", "--proxy")
"""Options of `shinsei check` that name files."""


class BadReplay(ValueError):
    """The file cannot be used; one sentence."""


class Replay(BaseModel):
    """What repeats one check. ``files``: option → paths, relative to this file's folder; a bare word is a name of ours."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: Literal[1] = 1
    check: str
    verdict: Verdict
    role: str
    seed: int
    reference_date: date
    mutant: str = ""
    files: dict[Literal["--target", "--overlay", "--policy", "--boundary", "--lgwan", "--proxy"], tuple[str, ...]] = {}


def write_replays(run_dir: Path, results: Results, files: Mapping[str, Sequence[Path]]) -> dict[str, Path]:
    """Writes ``replay/<check>.json`` for every check that was to run and did not pass; none when the run itself had trouble."""
    plan = results.plan
    if plan is None or results.troubles:
        return {}
    folder, written = run_dir / FOLDER, {}
    for one in results.checks:
        if one.planned.status != "run" or one.verdict not in REPEATED:
            continue
        folder.mkdir(exist_ok=True)
        path = folder / f"{one.planned.id}.json"
        given = {name: tuple(_relative(file, folder) for file in paths) for name, paths in files.items() if paths}
        replay = Replay.model_validate(
            {
                "check": one.planned.id,
                "verdict": one.verdict,
                "role": plan.role,
                "seed": plan.seed,
                "reference_date": plan.reference_date,
                "mutant": plan.mutant,
                "files": given,
            }
        )
        path.write_text(replay.model_dump_json(indent=1) + "\n", encoding="utf-8")
        written[one.planned.id] = path
    return written


def _relative(file: Path, folder: Path) -> str:
    """``file`` seen from ``folder``; a name that is no file (policy ``baseline``) stays as it is."""
    return os.path.relpath(file.resolve(), folder.resolve()) if file.exists() else str(file)


def read_replay(path: Path) -> Replay:
    """The file of one check. BadReplay with one sentence otherwise."""
    try:
        return Replay.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadReplay(f"{path}: 読めません（{error.strerror}） / cannot be read") from None
    except (UnicodeDecodeError, ValidationError):
        raise BadReplay(
            f"{path}: replay のファイルではありません（out/…/replay/ の中のもの） / no replay file"
        ) from None


def words_of(replay: Replay, folder: Path, out: Path, *, whole: bool, healthy: bool) -> list[str]:
    """The command line that repeats it: ``check ROLE …``. ``folder`` is the one that the file lies in."""
    words = ["check", replay.role, "--seed", str(replay.seed), "--date", replay.reference_date.isoformat()]
    words += ["--out", str(out)]
    if not whole:
        words += ["-k", replay.check]
    if replay.mutant and not healthy:
        words += ["--mutant", replay.mutant]
    for option, paths in replay.files.items():
        for one in paths:
            there = folder / one
            words += [option, str(there) if there.exists() or os.sep in one else one]
    return words
