"""Four mutants, chosen by the commit, are run for real and must be caught by exactly their checks (all: ``make matrix``)."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testbed.mutants.matrix import run_mutant
from testbed.mutants.registry import mutants_of
from testbed.postgres import EmbeddedServer, embedded_server

ROOT = Path(__file__).resolve().parents[2]
SHARD = 4


def commit() -> str:
    """The commit of this checkout; where there is none (an unpacked archive), the day of the year."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or f"day {datetime.now(UTC):%j}"


def chosen(word: str, number: int = SHARD) -> list[str]:
    """``number`` mutants in an order that ``word`` decides: over many commits each has its turn."""
    return sorted(mutants_of("am"), key=lambda name: hashlib.sha256(f"{word} {name}".encode()).digest())[:number]


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("slot", range(SHARD))
def test_a_mutant_is_caught_by_exactly_its_checks(slot: int, server: EmbeddedServer, tmp_path: Path) -> None:
    name = chosen(commit())[slot]
    kill = run_mutant(mutants_of("am")[name], "am", tmp_path, server.admin_url)
    assert kill.trouble == "", name
    assert kill.live, f"{name}: 変異体が働いていない / the hook's log shows nothing"
    assert (kill.caught_by, kill.disturbed) == (tuple(sorted(kill.expected)), ()), name


def test_the_choice_is_stable_and_takes_turns() -> None:
    assert chosen("a") == chosen("a")
    assert len({name for word in range(200) for name in chosen(str(word))}) == len(mutants_of("am"))
    assert commit()
