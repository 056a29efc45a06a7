"""Whatever a product hands over is judged as the product's: no value of it may end as an error of the harness."""

from __future__ import annotations

from datetime import date

import pytest

from conformance.engine.truth import truth_of
from conformance.outcomes import Nonconformity
from conformance.record import CoreReceived, Pull, Record, StepResult
from conformance.suites.am.c3_5_renkei import values_at_the_core_equal_the_application
from fixtures.world import World
from interface_spec.profile import load_profile
from tests.conformance.factory import AT
from tests.conformance.tiny_suite import record

NAMES = ("k01-plain", "k01-plain#9", "k01-hard-characters")


def handed_over(world: World, odd: object) -> Record:
    """A record in which everything arrived, but the first item of the first application with ``odd`` as 出現番号."""
    truths = {name: truth_of(world.case(name)) for name in NAMES}
    received = []
    for truth in truths.values():
        items = [
            {"item_id": i.item_id, "group": i.group, "occurrence": i.occurrence, "value": i.value} for i in truth.items
        ]
        attachments = tuple({"seq": n, "sha256": a.sha256} for n, a in enumerate(truth.attachments))
        received.append(
            CoreReceived(
                receipt_no=truth.receipt_no, fields={}, items=tuple(items), attachments=attachments, raw="", problems=()
            )
        )
    if odd is not None:
        received[0].items[0]["occurrence"] = odd
    core = truths[NAMES[0]].core_system
    pull = Pull(core_system=core, listed=(), received=tuple(received), acks=(), acknowledged=(), problems=())
    step = StepResult(
        name="pull:completed", do="pull", what="completed", ok=True, message="", started_at=AT, ended_at=AT,
        first_exchange=0, last_exchange=0,
    )  # fmt: skip
    return record().model_copy(update={"cases": truths, "steps": (step,), "pulls": {"completed": (pull,)}})


@pytest.fixture(scope="module")
def world() -> World:
    return World(seed=1, reference_date=date(2026, 11, 23), profile=load_profile())


def test_equal_values_pass(world: World) -> None:
    values_at_the_core_equal_the_application(handed_over(world, None))


@pytest.mark.parametrize("odd", ["x", "", [1], {"a": 1}, 10**40, 1.5])
def test_an_odd_occurrence_is_the_products_failure(world: World, odd: object) -> None:
    with pytest.raises(Nonconformity) as caught:
        values_at_the_core_equal_the_application(handed_over(world, odd))
    assert caught.value.finding.case == NAMES[0]
