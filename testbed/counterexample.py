"""A counterexample as a file: whatever found it (Hypothesis, the walk through the faults, the crash proof), one line repeats it.

``shinsei replay FILE`` plays the steps again and says whether the same promises break. What finds counterexamples calls
`keep`; what can play them stands in `WALKS`.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

FOLDER = Path("out") / "counterexamples"


class Counterexample(BaseModel):
    """``steps`` is what ``walk`` plays (plain data); ``said``: the promises that were broken."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: Literal[1] = 1
    kind: Literal["counterexample"] = "counterexample"
    walk: str
    seed: int
    mutant: str = ""
    steps: list[Any]
    said: tuple[str, ...]


Walk = Callable[[Counterexample, Path], Sequence[str]]
"""Plays the steps in a new world, in a folder of its own; what was broken, in one sentence each."""


def _journey(one: Counterexample, folder: Path) -> Sequence[str]:
    from testbed.journey import journey
    from testbed.postgres import embedded_server

    with embedded_server() as server:
        return journey([str(word) for word in one.steps], one.seed, one.mutant, server, folder)


def _faults(one: Counterexample, folder: Path) -> Sequence[str]:
    from testbed.fault_walk import Strike, walk
    from testbed.postgres import embedded_server

    with embedded_server() as server:
        return walk([Strike(**step) for step in one.steps], server, folder, lambda _strike, _wrong: None)


def _crash(one: Counterexample, folder: Path) -> Sequence[str]:
    from testbed.crash import prove
    from testbed.postgres import embedded_server

    (given,) = one.steps
    with embedded_server() as server:
        return prove(given["kills"], one.seed, server, folder, lambda _line: None, given["workers"])


WALKS: dict[str, Walk] = {"journey": _journey, "faults": _faults, "crash": _crash}


def keep(one: Counterexample, folder: Path = FOLDER) -> str:
    """Writes the file and returns the line that repeats it."""
    text = one.model_dump_json(indent=1) + "\n"
    name = hashlib.sha256(one.model_dump_json(exclude={"said"}).encode()).hexdigest()[:8]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.walk}-{name}.json"
    path.write_text(text, encoding="utf-8")
    return f"shinsei replay {path}"


def play_again(one: Counterexample, *, healthy: bool) -> list[str]:
    """What is broken this time. LookupError with one sentence for a walk that is not known."""
    if one.walk not in WALKS:
        raise LookupError(f"walk: {one.walk} はありません（{', '.join(WALKS)}） / no such walk")
    played = one.model_copy(update={"mutant": ""}) if healthy else one
    with tempfile.TemporaryDirectory() as folder:
        return list(WALKS[one.walk](played, Path(folder)))
