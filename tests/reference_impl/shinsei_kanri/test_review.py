"""③-4 and ③-5 as pure rules: every pair of states, and what a core system may see."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from interface_spec.control import Handover, Ingestion, PersonState, Review, ReviewChange, Role
from interface_spec.procedures import load_procedures
from reference_impl.shinsei_kanri import handover, review
from reference_impl.shinsei_kanri.records import Acknowledgement, Decision, Status

K01 = load_procedures()["K01"]
NOTIFICATION = K01.model_copy(update={"kind": "届出"})
KNOWN = Decision(Role.SIGNER, "jido_teate", PersonState.IDENTIFIED, atena_no="1")
STATUS = Status("R", "K01", Ingestion.STORED, Review.REVIEWING, Handover.NONE, 3, (KNOWN,))
ALLOWED = {
    ("unreviewed", "reviewing"),
    ("reviewing", "completed"),
    ("reviewing", "rejected"),
    ("reviewing", "correction"),
    ("correction", "reviewing"),
    ("completed", "reviewing"),
    *((state, "withdrawn") for state in ("unreviewed", "reviewing", "correction", "completed", "rejected")),
}


@pytest.mark.parametrize(("before", "after"), list(product(Review, Review)))
def test_every_jump(before: Review, after: Review) -> None:
    change = ReviewChange(to=after, reason="理由")
    allowed = review.refusal(replace(STATUS, review=before), change, K01) == ""
    assert allowed == ((before.value, after.value) in ALLOWED)
    delivered = replace(STATUS, review=before, handover=Handover.DELIVERED)
    assert review.refusal(delivered, change, K01) != ""


def test_rejection_needs_a_reason_and_a_request() -> None:
    assert review.refusal(STATUS, ReviewChange(to=Review.REJECTED, reason="　 "), K01) != ""
    assert review.refusal(STATUS, ReviewChange(to=Review.REJECTED, reason="要件"), K01) == ""
    assert "届出" in review.refusal(STATUS, ReviewChange(to=Review.REJECTED, reason="要件"), NOTIFICATION)


@pytest.mark.parametrize(
    ("states", "allowed"),
    [
        ([PersonState.IDENTIFIED, PersonState.NONE], True),
        ([PersonState.IDENTIFIED, PersonState.STAFF], False),
        ([], False),
    ],
)
def test_completion_needs_every_person_decided(states: list[PersonState], allowed: bool) -> None:
    persons = tuple(replace(KNOWN, state=state) for state in states)
    refusal = review.refusal(replace(STATUS, persons=persons), ReviewChange(to=Review.COMPLETED), K01)
    assert (refusal == "") == allowed


def test_stale_version_and_quarantine_are_refused() -> None:
    change = ReviewChange(to=Review.COMPLETED, version=2)
    assert "3" in review.refusal(STATUS, change, K01)
    assert review.refusal(replace(STATUS, ingestion=Ingestion.QUARANTINED), change, K01) != ""
    assert review.refusal(STATUS, change.model_copy(update={"version": 3}), K01) == ""


@pytest.mark.parametrize(("state", "waiting"), list(product(Review, Handover)))
def test_only_completed_and_waiting_is_offered(state: Review, waiting: Handover) -> None:
    status = replace(STATUS, review=state, handover=waiting)
    expected = state is Review.COMPLETED and waiting is Handover.WAITING
    assert handover.offered(status, {"K01"}) == expected
    assert not handover.offered(status, {"C01"})


def test_answers_of_the_core_system() -> None:
    done, failed = Acknowledgement("updated"), Acknowledgement("error", "x", "y")
    assert handover.state_after(done) is Handover.DELIVERED
    assert handover.state_after(failed) is Handover.ERROR
    answered = replace(STATUS, acknowledged=done)
    assert handover.contradicts(answered, failed)
    assert not handover.contradicts(answered, done)
    assert not handover.contradicts(STATUS, failed)


def test_numbers_of_signer_and_subject() -> None:
    other = replace(KNOWN, role=Role.SUBJECT, atena_no="2")
    assert handover.numbers(replace(STATUS, persons=(KNOWN, other)))["subject_atena_no"] == "2"
    assert handover.numbers(STATUS)["subject_atena_no"] == "1"
    nobody = replace(KNOWN, state=PersonState.NONE)
    assert handover.numbers(replace(STATUS, persons=(nobody,)))["signer_atena_no"] is None
