"""Running the rules of `identify` over what is stored: after each take-over of 番号紐付情報 and 宛名情報."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from interface_spec.control import PersonState
from reference_impl.shinsei_kanri import identify, review
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.judging import Judge, Prepared, Question
from reference_impl.shinsei_kanri.records import Decision
from reference_impl.shinsei_kanri.storage import applications

REGISTERS_LOCK = 0x52454753


def hold_registers(connection: Connection) -> None:
    """Judge and store within this transaction: `look_again` waits for it, so that nobody falls between."""
    connection.execute(select(func.pg_advisory_xact_lock_shared(REGISTERS_LOCK)))


def look_again(engine: Engine, clock: Clock, judge: Judge, procedures: Collection[str]) -> int:
    """Judge every open person anew; how many applications changed. What staff decided stays."""
    with engine.begin() as connection:
        # Applications that were judged by the old registers are stored now, later ones read the new registers.
        connection.execute(select(func.pg_advisory_xact_lock(REGISTERS_LOCK)))
        receipts = applications.open_receipts(connection, review.OPEN, procedures)
    changed = 0
    for receipt_no, procedure_id in receipts:
        with engine.connect() as connection:
            _, verification = applications.content(connection, receipt_no)
        prepared = judge.prepare(verification, procedure_id)
        with engine.begin() as connection:
            changed += _again(connection, receipt_no, clock.now(), judge, prepared)
    return changed


def _again(connection: Connection, receipt_no: str, now: datetime, judge: Judge, prepared: Prepared) -> bool:
    status = applications.status(connection, receipt_no, lock=True)
    if status is None or status.review not in review.OPEN:
        return False
    items, verification = applications.content(connection, receipt_no)
    (fresh,) = judge.decide(connection, [Question(items, verification, status.procedure_id, prepared)])
    before = {person.role: person for person in status.persons}
    better = [
        person for person in fresh if person != before[person.role] and identify.needs_new_look(before[person.role])
    ]
    if not better:
        return False
    applications.write_persons(connection, receipt_no, better)
    applications.change(connection, receipt_no)
    for person in better:
        if became_known(person):
            applications.add_history(connection, receipt_no, now, "system", f"{person.role.value}: 特定 / identified")
    note_same_person(connection, [receipt_no], now)
    return True


def became_known(person: Decision) -> bool:
    return person.state is PersonState.IDENTIFIED


def note_same_person(connection: Connection, receipts: Collection[str], now: datetime) -> None:
    """Tell staff about other applications of the same person for the same procedure (重複申請)."""
    for receipt_no, others in applications.same_person(connection, receipts).items():
        what = f"同じ人の同じ手続の申請があります: {', '.join(others[:5])} / same person, same procedure"
        applications.add_history(connection, receipt_no, now, "system", what)
