"""The reference product against the whole corpus: no new difference, and no crash other than those listed.

``reference_gaps.txt`` names the packages that it still treats otherwise than the corpus asks; a line whose package it
treats right by now is to be deleted (the second test says which).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.hostile import build, load_corpus
from fixtures.world import World
from reference_impl.shinsei_kanri.records import Listed
from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage
from reference_impl.shinsei_kanri.unpack.package import unpack

GAPS = Path(__file__).with_name("reference_gaps.txt")


def gaps() -> set[str]:
    lines = GAPS.read_text(encoding="utf-8").splitlines()
    return {line.split()[0] for line in lines if line and not line.startswith("#")}


def treated(world: World, name: str) -> str:
    package = build(world, name)
    at = package.received_at
    listed = Listed(
        package.receipt_no, package.procedure_id, package.dantai_code, at, at, len(package.zip_bytes), package.sha256
    )
    try:
        unpack(package.zip_bytes, listed, world.profile)
    except RefusedPackage:
        return "refuse"
    except (ValueError, IndexError) as error:
        return f"crash: {type(error).__name__}"
    return "accept"


@pytest.mark.parametrize("name", sorted(set(load_corpus()) - gaps()))
def test_the_reference_does_what_the_corpus_asks(world: World, name: str) -> None:
    assert treated(world, name) == load_corpus()[name].outcome


def test_every_listed_gap_names_a_package() -> None:
    assert gaps() <= set(load_corpus())
