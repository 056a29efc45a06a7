"""How far each application of a round was carried, as observed: for 手続の接続状況, never for a verdict."""

from __future__ import annotations

from conformance.events import GivenApplication, GivenPerson, SeenApplication, Stage
from conformance.record import CaseTruth, Record
from interface_spec.control import ApplicationDetail, Ingestion, PersonState, Review


def given_of(truth: CaseTruth) -> GivenApplication:
    """What the product may keep of a case: 受付番号, and its persons with their numbers."""
    persons = {
        one.juki_atena_no or one.name: GivenPerson(
            name=one.name, juki_atena_no=one.juki_atena_no, numbers=dict(one.numbers)
        )
        for one in (truth.signer, truth.subject)
        if one is not None
    }
    return GivenApplication(
        case=truth.name, receipt_no=truth.receipt_no, procedure=truth.procedure_id, persons=tuple(persons.values())
    )


def seen_of(record: Record) -> tuple[SeenApplication, ...]:
    """Every application of the round with the stages it reached, in the order of the cases."""
    return tuple(
        SeenApplication(
            case=truth.name,
            receipt_no=truth.receipt_no,
            procedure=truth.procedure_id,
            acceptable=truth.fate == "stored",
            stages=_stages(truth.receipt_no, record),
        )
        for truth in record.cases.values()
    )


def _stages(receipt_no: str, record: Record) -> tuple[Stage, ...]:
    listed = any(one.receipt_no == receipt_no for shot in record.snapshots.values() for one in shot.listed)
    details = [shot.details[receipt_no] for shot in record.snapshots.values() if receipt_no in shot.details]
    pulls = [one for visit in record.pulls.values() for one in visit]
    reached: dict[Stage, bool] = {
        "imported": listed,
        "stored": any(one.ingestion is Ingestion.STORED for one in details),
        "identified": any(_identified(one) for one in details),
        "reviewed": any(one.review is Review.COMPLETED for one in details),
        "handed": any(one.got(receipt_no) is not None for one in pulls),
        "acknowledged": any(receipt_no in one.acknowledged for one in pulls),
    }
    return tuple(name for name, yes in reached.items() if yes)


def _identified(detail: ApplicationDetail) -> bool:
    """Every person of it has been decided, by the product or by staff."""
    return bool(detail.persons) and all(one.state is not PersonState.STAFF for one in detail.persons)
