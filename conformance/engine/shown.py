"""What is kept of a product's answer: the same models, with everything masked that may be a real person's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from conformance.engine.masking import Masker
from interface_spec.control import ApplicationDetail, ApplicationSummary

MOST_OTHERS = 1000
MOST_OF_ONE = 10
"""Rows of one application that are kept, for a product that lists it again and again."""
OF_A_CANDIDATE = ("atena_no", "juki_atena_no", "name", "birth_date", "gender", "address")
OF_AN_EVENT = ("actor", "what", "reason")


def shown_rows(rows: Iterable[ApplicationSummary], masker: Masker) -> Iterator[ApplicationSummary]:
    """The rows of a list that are kept: those of this run, and of the first `MOST_OTHERS` others only that they are there.

    No check looks at the others; a product with a hundred thousand of them must not fill the record of every round.
    """
    others, seen = 0, Counter[str]()
    for row in rows:
        ours = masker.ours(row.receipt_no)
        seen[row.receipt_no] += ours
        others += not ours
        if ours and seen[row.receipt_no] <= MOST_OF_ONE:
            yield row
        elif not ours and others <= MOST_OTHERS:
            yield row.model_copy(update={"receipt_no": masker.value(row.receipt_no)})


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
