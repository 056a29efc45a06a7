"""The reference product against the whole corpus: it refuses and stores exactly what the corpus says, and never crashes."""

from __future__ import annotations

import pytest

from fixtures.hostile import build, load_corpus
from fixtures.world import World
from reference_impl.shinsei_kanri.records import Listed
from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage
from reference_impl.shinsei_kanri.unpack.package import unpack


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
    return "accept"


@pytest.mark.parametrize("name", load_corpus())
def test_the_reference_does_what_the_corpus_asks(world: World, name: str) -> None:
    assert treated(world, name) == load_corpus()[name].outcome
