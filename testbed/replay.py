"""`shinsei replay FILE`: repeats one check that did not pass, with what the run was given.

A run notes what it was given in ``given.json``; every check of it that did not pass gets one small file in
``<run>/replay/``, whatever its role. Paths are relative to the run's folder, secrets are not in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from conformance.plan import PlannedInput
from conformance.results import CheckResult, Results
from conformance.verdicts import Verdict
from testbed.counterexample import Counterexample

FOLDER = "replay"
GIVEN = "given.json"
REPEATED = (Verdict.FAIL, Verdict.WARN, Verdict.REVIEW, Verdict.UNVERIFIED, Verdict.ERROR)
MOST_SAID = 20
"""Findings of one check that are compared."""
FileOption = Literal["--target", "--overlay", "--policy", "--boundary", "--lgwan", "--proxy", "FILE"]
WordOption = Literal["--image", "--receipt-no", "--dantai-code", "--procedure"]
SEEDED = ("am", "package")


class BadReplay(ValueError):
    """The file cannot be used; one sentence."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Given(_Part):
    """What the command line handed to a run. ``files``: option → paths seen from the run's folder, or a name of ours."""

    files: dict[FileOption, tuple[str, ...]] = {}
    words: dict[WordOption, str] = {}

    @classmethod
    def of(cls, files: Mapping[str, Iterable[Path]], words: Mapping[str, str] | None = None) -> Self:
        """``files`` and ``words`` without those that were not given."""
        return cls.model_validate(
            {
                "files": {name: kept for name, paths in files.items() if (kept := tuple(map(str, paths)))},
                "words": {name: word for name, word in (words or {}).items() if word},
            }
        )


class Said(_Part):
    """What one finding says, without the values that may differ from run to run."""

    case: str
    ja: str


class Replay(_Part):
    """What repeats one check, and what came of it. ``given``: its paths are seen from the run's folder, one above."""

    version: Literal[1] = 1
    check: str
    verdict: Verdict
    role: str
    seed: int
    reference_date: date
    mutant: str = ""
    given: Given = Given()
    inputs: tuple[PlannedInput, ...] = ()
    findings: tuple[Said, ...] = ()


def note_given(run_dir: Path, given: Given) -> None:
    """Puts on record what the run was given, before it begins: a killed run can be repeated too."""
    kept = {name: tuple(_relative(Path(one), run_dir) for one in paths) for name, paths in given.files.items()}
    words = given.model_copy(update={"files": kept})
    (run_dir / GIVEN).write_text(words.model_dump_json(indent=1) + "\n", encoding="utf-8")


def write_replays(run_dir: Path, results: Results) -> dict[str, Path]:
    """Writes ``replay/<check>.json`` for every check that was to run and did not pass.

    None when the run itself had trouble, or when nobody noted what it was given: then nothing could be repeated.
    """
    plan = results.plan
    if plan is None or results.troubles or not (run_dir / GIVEN).is_file():
        return {}
    given = Given.model_validate_json((run_dir / GIVEN).read_text(encoding="utf-8"))
    folder, written = run_dir / FOLDER, {}
    for one in results.checks:
        if one.planned.status != "run" or one.verdict not in REPEATED:
            continue
        folder.mkdir(exist_ok=True)
        path = folder / f"{one.planned.id}.json"
        replay = Replay(
            check=one.planned.id,
            verdict=one.verdict,
            role=plan.role,
            seed=plan.seed,
            reference_date=plan.reference_date,
            mutant=plan.mutant,
            given=given,
            inputs=plan.inputs,
            findings=said(one),
        )
        path.write_text(replay.model_dump_json(indent=1) + "\n", encoding="utf-8")
        written[one.planned.id] = path
    return written


def said(one: CheckResult) -> tuple[Said, ...]:
    """What a check found, in a fixed order."""
    found = {(finding.case, finding.ja) for finding in one.findings if finding.ja}
    return tuple(Said(case=case, ja=ja) for case, ja in sorted(found)[:MOST_SAID])


def _relative(file: Path, folder: Path) -> str:
    """``file`` seen from ``folder``; a name that is no file (policy ``baseline``) stays as it is."""
    return os.path.relpath(file.resolve(), folder.resolve()) if file.exists() else str(file)


def read_replay(path: Path) -> Replay | Counterexample:
    """The file of one check, or of a counterexample. BadReplay with one sentence otherwise."""
    try:
        text = path.read_text(encoding="utf-8")
        with suppress(ValidationError):
            return Counterexample.model_validate_json(text)
        return Replay.model_validate_json(text)
    except OSError as error:
        raise BadReplay(f"{path}: 読めません（{error.strerror}） / cannot be read") from None
    except (UnicodeDecodeError, ValidationError):
        raise BadReplay(
            f"{path}: replay のファイルではありません（out/…/replay/ の中のもの） / no replay file"
        ) from None


def words_of(replay: Replay, run_dir: Path, out: Path, *, whole: bool, healthy: bool) -> list[str]:
    """The command line that repeats it. ``run_dir``: the folder of the run that failed."""
    given = {option: [_found(one, run_dir) for one in paths] for option, paths in replay.given.files.items()}
    files = given.pop("FILE", [])
    if replay.role == "package" and replay.given.words:  # a selection of rules has no way to say them
        words = ["validate", *files, "--report", str(out)]
    else:
        words = ["check", replay.role, *files, "--date", replay.reference_date.isoformat(), "--out", str(out)]
        words += ["--seed", str(replay.seed)] if replay.role in SEEDED and not files else []
        words += [] if whole else ["-k", replay.check]
        words += ["--mutant", replay.mutant] if replay.mutant and not healthy else []
    for option, paths in given.items():
        for one in paths:
            words += [option, one]
    for name, word in replay.given.words.items():
        words += [name, word]
    return words


def _found(one: str, run_dir: Path) -> str:
    """A path as the run's folder sees it; a bare word is a name of ours."""
    there = run_dir / one
    return str(there) if there.exists() or os.sep in one else one
