"""The hostile corpus on any procedure: the same damage, the same rules; what a procedure cannot carry is named."""

from __future__ import annotations

import pytest

from conformance.suites.package.consistency import Listed
from conformance.suites.package.validate import Validator
from fixtures.errors import FixtureError, NotExpressible
from fixtures.hostile import build, load_corpus
from fixtures.hostile.corpus import like_item, other_procedure
from fixtures.outline import travelling_procedures
from fixtures.world import World
from interface_spec.procedures import load_procedures

pytestmark = pytest.mark.long

ONE_OF_A_KIND = (
    "slip-parent",
    "same-header-twice",
    "deflate-flipped",
    "xml-char-refs",
    "procedure-differs",
    "form-formula",
    "attach-macro-docx",
    "signature-invalid",
)


def judged(world: World, name: str, procedure: str) -> tuple[set[str], set[str]] | None:
    """(rules reported, rules expected); None when the procedure cannot carry it."""
    try:
        one = build(world, name, procedure)
    except NotExpressible:
        return None
    assert one.procedure_id == procedure
    listed = Listed(one.receipt_no, one.dantai_code, one.procedure_id)
    return set(Validator(world.profile).validate(one.zip_bytes, listed).rules), set(one.recipe.rules)


@pytest.mark.parametrize("procedure", ["C10", "D01", "S03"])
def test_the_whole_corpus_on_another_procedure(world: World, procedure: str) -> None:
    left_out = 0
    for name in load_corpus():
        found = judged(world, name, procedure)
        left_out += found is None
        if found is not None:
            assert found[0] == found[1], name
    signing = load_procedures()[procedure].signing
    assert left_out == {"required": 0, "optional": 2}.get(signing, left_out)
    assert left_out <= 30


@pytest.mark.parametrize("procedure", travelling_procedures())
def test_one_of_a_kind_on_every_procedure(world: World, procedure: str) -> None:
    for name in ONE_OF_A_KIND:
        found = judged(world, name, procedure)
        if found is None:
            assert name == "signature-invalid"
            assert load_procedures()[procedure].signing == "none"
        else:
            assert found[0] == found[1], name


def test_without_a_procedure_it_is_k01(world: World) -> None:
    assert build(world, "slip-parent").sha256 == build(world, "slip-parent", "K01").sha256
    assert build(world, "slip-parent", "C01").receipt_no != build(world, "slip-parent").receipt_no


def test_items_of_k01_stand_for_like_items() -> None:
    procedures = load_procedures()
    assert like_item(procedures["K01"], "bank_name") == "bank_name"
    assert like_item(procedures["S01"], "bank_name") == "applicant_name"
    with pytest.raises(NotExpressible, match=r"S03.*date"):
        like_item(procedures["S03"], "claimant_birth_date")
    assert other_procedure(procedures["K01"]) == "C01"
    assert procedures[other_procedure(procedures["S02"])].signing == "none"


def test_a_procedure_that_does_not_travel_is_named(world: World) -> None:
    with pytest.raises(FixtureError, match="V01"):
        build(world, "slip-parent", "V01")
