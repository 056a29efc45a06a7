"""What is kept of a product's answer: the same models, with everything masked that may be a real person's."""

from __future__ import annotations

from conformance.engine.masking import Masker
from interface_spec.control import ApplicationDetail, ApplicationSummary

OF_A_CANDIDATE = ("atena_no", "juki_atena_no", "name", "birth_date", "gender", "address")
OF_AN_EVENT = ("actor", "what", "reason")


def shown_row(row: ApplicationSummary, masker: Masker) -> ApplicationSummary:
    """A row of the list; of an application that is not of this run only that it is there."""
    if masker.ours(row.receipt_no):
        return row
    return row.model_copy(update={"receipt_no": masker.value(row.receipt_no)})


def shown_detail(detail: ApplicationDetail, masker: Masker) -> ApplicationDetail:
    """Persons, candidates and values whom the town does not know are masked, and names in the product's sentences."""
    value, text = masker.personal, masker.text
    persons = [
        one.model_copy(
            update={
                "atena_no": value(one.atena_no),
                "juki_atena_no": value(one.juki_atena_no),
                "reasons": [text(reason) for reason in one.reasons],
                "candidates": [
                    candidate.model_copy(
                        update={name: value(getattr(candidate, name)) for name in OF_A_CANDIDATE}
                        | {"reasons": [text(reason) for reason in candidate.reasons]}
                    )
                    for candidate in one.candidates
                ],
            }
        )
        for one in detail.persons
    ]
    items = [one.model_copy(update={"value": masker.item(one.item_id, one.value)}) for one in detail.items]
    history = [
        one.model_copy(update={name: text(getattr(one, name)) for name in OF_AN_EVENT}) for one in detail.history
    ]
    return detail.model_copy(
        update={
            "persons": persons,
            "quarantine_reason": text(detail.quarantine_reason),
            "items": items,
            "core_errors": [text(one) for one in detail.core_errors],
            "history": history,
        }
    )
