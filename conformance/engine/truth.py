"""Cases of the synthetic municipality, as a record keeps them."""

from __future__ import annotations

from conformance.record import AttachmentTruth, CaseTruth, ItemTruth, PersonTruth
from fixtures.cases import Case
from fixtures.cases import PersonTruth as FixturePerson
from interface_spec.procedures import load_procedures


def truth_of(case: Case) -> CaseTruth:
    """What a check may know of a case: plain data, no bytes."""
    return CaseTruth(
        name=case.name,
        ja=case.ja,
        receipt_no=case.receipt_no,
        procedure_id=case.procedure_id,
        core_system=load_procedures()[case.procedure_id].core_system,
        received_at=case.received_at,
        arrived_at=case.arrived_at,
        fate=case.truth.fate,
        reason_ja=case.truth.reason_ja,
        zip_bytes=case.size,
        zip_sha256=case.sha256,
        items=tuple(
            ItemTruth(item_id=i.item_id, label=i.label, group=i.group, occurrence=i.occurrence, value=i.value)
            for i in case.truth.items
        ),
        attachments=tuple(
            AttachmentTruth(seq=a.seq, label=a.label, file_name=a.file_name, size=a.size, sha256=a.sha256)
            for a in case.truth.attachments
        ),
        signer=_person(case.truth.signer),
        subject=_person(case.truth.subject),
    )


def _person(person: FixturePerson | None) -> PersonTruth | None:
    if person is None:
        return None
    return PersonTruth(
        name=person.name,
        juki_atena_no=person.juki_atena_no,
        numbers=dict(person.numbers),
        identifiable=person.identifiable,
    )
