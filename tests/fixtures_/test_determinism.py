"""The same world in another process, on another day, in another time zone, under another hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from hashlib import sha256
from pathlib import Path
from time import process_time

import pytest

from fixtures.world import World

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, sys
from datetime import date
from hashlib import sha256
from fixtures.world import World
world = World(seed=1, reference_date=date(2026, 11, 24))
names = list(world.case_names()) + ["k01-plain#30"]
if sys.argv[1] == "backwards":
    names.reverse()
facts = {name: [world.case(name).receipt_no, dict(world.case(name).manifest)] for name in names}
registers = repr((world.links(), world.atena("kaigo"), world.atena("jido_teate")))
print(json.dumps([facts, sha256(registers.encode()).hexdigest()], sort_keys=True))
"""


def _elsewhere(hash_seed: str, zone: str, order: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, order], env=environment, check=True, capture_output=True, text=True, cwd=ROOT
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("hash_seed", "zone", "order"),
    [("0", "UTC", "forwards"), ("12345", "America/New_York", "backwards")],
)
def test_same_world_elsewhere(world: World, hash_seed: str, zone: str, order: str) -> None:
    names = [*world.case_names(), "k01-plain#30"]
    facts = {name: [world.case(name).receipt_no, dict(world.case(name).manifest)] for name in names}
    registers = repr((world.links(), world.atena("kaigo"), world.atena("jido_teate")))
    here = json.dumps([facts, sha256(registers.encode()).hexdigest()], sort_keys=True)
    assert _elsewhere(hash_seed, zone, order) == here


def test_seed_date_and_code_give_other_worlds(world: World) -> None:
    for other in (
        World(seed=2, reference_date=world.reference_date),
        World(seed=1, reference_date=date(2026, 11, 25)),
        World(seed=1, reference_date=world.reference_date, dantai_code="991244"),
    ):
        assert other.links() != world.links()
        assert other.atena("kaigo") != world.atena("kaigo")


@pytest.mark.parametrize("seed", [0, -1, 7, 2**63, 20260101])
def test_any_seed_gives_a_usable_world(seed: int) -> None:
    other = World(seed=seed, reference_date=date(2024, 2, 29))
    assert len(other.links()) > 300
    assert other.case("k01-hard-characters").size > 0
    assert other.case("c01-self#30").truth.subject is not None


def test_a_world_and_all_its_cases_are_cheap() -> None:
    """Every mutant starts a world: ≤ 0.5 s for the registers, ≤ 2 s for all cases (processor time, generous)."""
    start = process_time()
    world = World(seed=99, reference_date=date(2026, 11, 24))
    assert process_time() - start < 0.5
    start = process_time()
    total = sum(world.case(name).size for name in world.case_names())
    assert process_time() - start < 2
    assert total < 2_000_000
