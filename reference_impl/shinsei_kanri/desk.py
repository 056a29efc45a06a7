"""The changes that staff, harness and core systems make: rules asked and result written in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine

from interface_spec.control import Handover, IdentifyPerson, Method, PersonState, Review, ReviewChange
from interface_spec.procedures import Procedure
from reference_impl.shinsei_kanri import handover, review
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.records import Acknowledgement, Decision, Status
from reference_impl.shinsei_kanri.storage import applications
from reference_impl.shinsei_kanri.storage.people import SqlDirectory


class NotFoundError(LookupError):
    """There is no such application for the caller."""


class RefusedError(ValueError):
    """The change is not allowed now; nothing changed. ``str()`` is the reason as one sentence."""


class ContradictionError(ValueError):
    """The core system answered otherwise before."""


class Desk:
    """Every change of an application after it was stored."""

    def __init__(self, engine: Engine, clock: Clock, procedures: Mapping[str, Procedure]) -> None:
        self._engine, self._clock, self._procedures = engine, clock, procedures

    def change_review(self, receipt_no: str, wanted: ReviewChange) -> None:
        """③-4. Raises NotFoundError, RefusedError."""
        with self._engine.begin() as connection:
            status = self._locked(connection, receipt_no)
            if reason := review.refusal(status, wanted, self._procedures[status.procedure_id]):
                raise RefusedError(reason)
            now = self._clock.now()
            completed_at = now if wanted.to is Review.COMPLETED else None
            applications.change(
                connection,
                receipt_no,
                review=wanted.to,
                handover=review.handover_after(wanted.to),
                completed_at=completed_at,
                drop_number=None,
                resident_told_at=None,
                ack_result=None,
                ack_item="",
                ack_reason="",
            )
            what = f"{review.NAMES[status.review]} → {review.NAMES[wanted.to]}"
            applications.add_history(connection, receipt_no, now, wanted.actor, what, wanted.reason)

    def identify(self, receipt_no: str, wanted: IdentifyPerson, version: int | None = None) -> None:
        """A staff decision about one person, made on ``version`` of the application. Raises NotFoundError, RefusedError."""
        with self._engine.begin() as connection:
            status = self._locked(connection, receipt_no)
            if not review.version_matches(status, version):
                raise RefusedError(review.moved_on(status))
            if reason := review.identification_refusal(status):
                raise RefusedError(reason)
            person = next((one for one in status.persons if one.role is wanted.role), None)
            if person is None:
                raise RefusedError("この申請にその役割の人はいません / the application has no such person")
            decided = decide(person, wanted, connection)
            applications.write_persons(connection, receipt_no, [decided])
            applications.change(connection, receipt_no)
            what = f"{wanted.role.value}: 宛名番号 {wanted.atena_no or 'なし'}"
            applications.add_history(connection, receipt_no, self._clock.now(), wanted.actor, what, wanted.reason)

    def resident_told(self, receipt_no: str, actor: str, reason: str) -> None:
        """Staff updated what the resident sees (the third axis). Raises NotFoundError, RefusedError."""
        with self._engine.begin() as connection:
            status = self._locked(connection, receipt_no)
            if status.review in review.OPEN:
                raise RefusedError("審査が終わっていません / the review is not done")
            now = self._clock.now()
            applications.change(connection, receipt_no, resident_told_at=now)
            what = "住民への表示を更新済み / the resident's status was updated"
            applications.add_history(connection, receipt_no, now, actor, what, reason)

    def acknowledge(self, receipt_no: str, answer: Acknowledgement, core_system: str) -> Handover:
        """③-5. The state after the core system's answer. Raises NotFoundError, ContradictionError."""
        own = handover.procedures_of(core_system, self._procedures)
        with self._engine.begin() as connection:
            status = self._locked(connection, receipt_no)
            if not handover.acknowledgeable(status, own):
                raise NotFoundError(receipt_no)
            return self._answered(connection, status, [answer], core_system)

    def acknowledge_drop(
        self,
        connection: Connection,
        receipt_no: str,
        answers: Sequence[Acknowledgement],
        core_system: str,
        drop_number: int,
    ) -> Handover:
        """③-5 by files, within the caller's transaction: the lists may name several errors. Raises as `acknowledge`."""
        own = handover.procedures_of(core_system, self._procedures)
        status = self._locked(connection, receipt_no)
        if not handover.answerable_by_drop(status, own, drop_number):
            raise NotFoundError(receipt_no)
        return self._answered(connection, status, answers, core_system)

    def _answered(
        self, connection: Connection, status: Status, answers: Sequence[Acknowledgement], core_system: str
    ) -> Handover:
        receipt_no, answer = status.receipt_no, answers[0]
        if handover.contradicts(status, answer):
            raise ContradictionError(receipt_no)
        if status.acknowledged == answer:
            return status.handover
        state = handover.state_after(answer)
        now = self._clock.now()
        applications.change(
            connection,
            receipt_no,
            handover=state,
            ack_result=answer.result,
            ack_item=answer.error_item,
            ack_reason=answer.error_reason,
        )
        what = f"基幹の応答: {review.HANDOVER_NAMES[state]}"
        applications.add_history(connection, receipt_no, now, f"core:{core_system}", what, answer.error_reason)
        if state is Handover.ERROR:
            for one in answers:
                applications.add_core_error(connection, receipt_no, now, one.error_item, one.error_reason)
        return state

    def _locked(self, connection: Connection, receipt_no: str) -> Status:
        status = applications.status(connection, receipt_no, lock=True)
        if status is None:
            raise NotFoundError(receipt_no)
        return status


def decide(person: Decision, wanted: IdentifyPerson, connection: Connection) -> Decision:
    """``person`` as staff decided it; RefusedError for a number that the core system does not have."""
    blank = replace(person, method=Method.MANUAL, candidates=(), reasons=(wanted.reason,))
    if wanted.atena_no is None:
        return replace(blank, state=PersonState.NONE, juki_atena_no="", atena_no="")
    known = SqlDirectory(connection).by_number(person.core_system, wanted.atena_no)
    if not known:
        raise RefusedError("この基幹の宛名情報にない宛名番号です / no such number in this core system")
    return replace(
        blank,
        state=PersonState.IDENTIFIED,
        juki_atena_no=known[0].juki_atena_no,
        atena_no=known[0].atena_no,
    )
