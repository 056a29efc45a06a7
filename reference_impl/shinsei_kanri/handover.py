"""③-5: what a core system may fetch, and what its answer changes. Pure rules; `handover_api` is their HTTP."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from interface_spec.control import Handover, Ingestion, PersonState, Review, Role
from interface_spec.procedures import Procedure
from reference_impl.shinsei_kanri.records import Acknowledgement, Status
from reference_impl.shinsei_kanri.wiring.fields import Fields
from reference_impl.shinsei_kanri.wiring.formats import Value


def procedures_of(core_system: str, procedures: Mapping[str, Procedure]) -> frozenset[str]:
    """The procedures whose applications this core system may see."""
    return frozenset(one.id for one in procedures.values() if one.core_system == core_system)


def offered(status: Status, own_procedures: Collection[str]) -> bool:
    """True for a 審査完了 application of this core system that it has not taken over yet."""
    return (
        own(status, own_procedures)
        and status.ingestion is Ingestion.STORED
        and status.review is Review.COMPLETED
        and status.handover is Handover.WAITING
        and status.drop_number is None
    )


def own(status: Status, own_procedures: Collection[str]) -> bool:
    return status.procedure_id in own_procedures


def acknowledgeable(status: Status, own_procedures: Collection[str]) -> bool:
    """True when this core system may answer: it is offered now, or it has answered in this round already."""
    return offered(status, own_procedures) or (
        own(status, own_procedures)
        and status.review is Review.COMPLETED
        and status.handover in (Handover.DELIVERED, Handover.ERROR)
    )


def answerable_by_drop(status: Status, own_procedures: Collection[str], number: int) -> bool:
    """True when drop ``number`` carried the application to this core system and nobody has reviewed it again since."""
    return own(status, own_procedures) and status.review is Review.COMPLETED and status.drop_number == number


def contradicts(status: Status, answer: Acknowledgement) -> bool:
    """True when an earlier answer of this round said something else; the same answer again changes nothing."""
    return status.acknowledged is not None and status.acknowledged != answer


def state_after(answer: Acknowledgement) -> Handover:
    return Handover.DELIVERED if answer.result == "updated" else Handover.ERROR


def numbers(status: Status) -> dict[str, Value]:
    """The identification part of the core record, in the core system's own number space."""
    found: dict[str, Value] = {}
    by_role = {person.role: person for person in status.persons}
    signer = by_role.get(Role.SIGNER)
    subject = by_role.get(Role.SUBJECT, signer)
    for name, person in (("signer", signer), ("subject", subject)):
        known = person is not None and person.state is PersonState.IDENTIFIED
        found[f"{name}_atena_no"] = person.atena_no if person is not None and known else None
        found[f"{name}_method"] = person.method.value if person is not None and known and person.method else None
    return found


def read_acknowledgement(fields: Fields) -> Acknowledgement:
    return Acknowledgement(fields.text("result"), fields.text("error_item"), fields.text("error_reason"))
