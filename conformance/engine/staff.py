"""What members of staff do with the applications, step by step, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable

from conformance.adapters.base import Adapter
from conformance.catalogue import Catalogue
from conformance.engine.playing import Notes
from conformance.engine.truth import truth_of
from conformance.record import ReviewAttempt
from fixtures.cases import Case
from interface_spec.control import ApplicationDetail, IdentifyPerson, PersonState, Review, ReviewChange, Role


class Staff:
    """``told``: what is kept of a product's own words."""

    def __init__(self, adapter: Adapter, catalogue: Catalogue, told: Callable[[str], str]) -> None:
        self._adapter, self._catalogue, self._told = adapter, catalogue, told

    def review(self, cases: list[Case], notes: Notes, step: str) -> None:
        for case in cases:
            path = self._catalogue.stimulus(case.name).review
            if not path:
                continue
            now_ = self._adapter.application(case.receipt_no)
            if now_ is not None and Review.COMPLETED in path:
                now_ = self._decide_persons(case, now_)
            for to in path:
                if now_ is not None:
                    now_ = self._attempt(case, to, now_, notes, step)

    def _decide_persons(self, case: Case, detail: ApplicationDetail) -> ApplicationDetail:
        """Staff decide about every person that the product has not identified, as a careful member of staff would."""
        core = truth_of(case).core_system
        truths = {Role.SIGNER: case.truth.signer, Role.SUBJECT: case.truth.subject}
        for person in detail.persons:
            if person.state is PersonState.STAFF:
                truth = truths.get(person.role)
                number = truth.numbers.get(core, "") if truth else ""
                changed = self._adapter.identify(
                    case.receipt_no,
                    IdentifyPerson(
                        role=person.role, atena_no=number or None, reason="職員が本人確認書類で確認（試験）"
                    ),
                )
                detail = changed.detail or detail
        return detail

    def illegal(self, cases: list[Case], notes: Notes, step: str) -> None:
        for case in cases:
            for to in self._catalogue.stimulus(case.name).illegal:
                before = self._adapter.application(case.receipt_no)
                if before is not None:
                    self._attempt(case, to, before, notes, step)

    def slip(self, cases: list[Case], notes: Notes, step: str, kind: str) -> None:
        """A rejection without a reason; a change on the version of the first reading, as if nobody had worked since."""
        for case in cases:
            if kind not in self._catalogue.stimulus(case.name).slips:
                continue
            before = self._adapter.application(case.receipt_no)
            first = notes.snapshots["first"].details.get(case.receipt_no) if "first" in notes.snapshots else None
            if before is not None and first is not None:
                if kind == "reasonless":
                    self._attempt(case, Review.REJECTED, before, notes, step, reason="")
                else:
                    seen = before.model_copy(update={"version": first.version})
                    self._attempt(case, Review.CORRECTION, seen, notes, step)

    def reopen(self, cases: list[Case], notes: Notes, step: str) -> None:
        for case in cases:
            if self._catalogue.stimulus(case.name).reopen:
                before = self._adapter.application(case.receipt_no)
                if before is not None:
                    self._attempt(case, Review.REVIEWING, before, notes, step)

    def _attempt(
        self,
        case: Case,
        to: Review,
        before: ApplicationDetail,
        notes: Notes,
        step: str,
        reason: str | None = None,
    ) -> ApplicationDetail | None:
        """Asks for one change and writes down what became of it; a refusal is looked at again, in case it changed anyway."""
        if reason is None:
            needed = to in (Review.REJECTED, Review.WITHDRAWN, Review.CORRECTION)
            reason = "要件を満たさないため（試験）" if needed else ""
        changed = self._adapter.review(case.receipt_no, ReviewChange(to=to, reason=reason, version=before.version))
        after = changed.detail or self._adapter.application(case.receipt_no)
        notes.reviews.append(
            ReviewAttempt(
                step=step,
                case=case.name,
                to=to,
                status=changed.status,
                before=before.review,
                after=after.review if after else None,
                message=self._told(changed.message),
                exchange=changed.exchange,
            )
        )
        return after
