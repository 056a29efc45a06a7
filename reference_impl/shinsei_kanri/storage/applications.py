"""Applications: stored once and completely or not at all, changed under a row lock, read as typed records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, Text, bindparam, cast, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from interface_spec.control import Candidate, Handover, Ingestion, Method, PersonState, Review, Role
from reference_impl.shinsei_kanri.records import (
    Acknowledgement,
    Application,
    AttachedFile,
    Basic4,
    Content,
    Decision,
    FormValue,
    Listed,
    Status,
    Typed,
    Verification,
)
from reference_impl.shinsei_kanri.storage import files, people, tables
from reference_impl.shinsei_kanri.storage.bulk import append, append_bodies, append_rows, insert_rows

ITEM_COLUMNS = (
    *("receipt_no", "position"),
    *("item_id", "label", "item_group", "occurrence", "value"),
    *("item_type", "as_date", "as_number", "as_flag"),
)
"""Of ``form_items``: then as in `FormValue`, then as in `Typed`."""


def known_receipts(connection: Connection, receipt_nos: Collection[str]) -> set[str]:
    """Which of ``receipt_nos`` are here already, stored or quarantined, or were and have been erased."""
    asked = cast(list(receipt_nos), ARRAY(Text))  # one parameter, however many there are
    here, gone = tables.applications.c.receipt_no, tables.erased.c.receipt_no
    query = select(here).where(here == func.any(asked)).union(select(gone).where(gone == func.any(asked)))
    return set(connection.execute(query).scalars())


@dataclass(frozen=True)
class Opened:
    """An application that could be opened, as it was listed, with its original ZIP, its typed items and decisions."""

    listed: Listed
    application: Application
    typed: Sequence[Typed]
    persons: Sequence[Decision]
    body: Content = field(repr=False)


def store(connection: Connection, opened: Collection[Opened], at: datetime) -> set[str]:
    """Write these applications completely; the 受付番号 that were not here yet. Nothing changes for the others.

    All of them or, when it fails, none (DBAPIError); two at once never wait for each other in a circle.
    """
    in_order = sorted(opened, key=lambda one: one.listed.receipt_no)
    new = _insert_headers(connection, [_header(one.listed, at) | _opened(one.application) for one in in_order])
    fresh = [one for one in in_order if one.listed.receipt_no in new]
    append_bodies(
        connection, tables.packages, ({"receipt_no": one.listed.receipt_no, "body": one.body} for one in fresh)
    )
    _write_content(connection, fresh)
    append_rows(
        connection,
        tables.history,
        [_history_row(one.listed.receipt_no, at, "system", "取込・格納 / stored") for one in fresh],
    )
    return new


def promote(connection: Connection, opened: Opened) -> None:
    """A quarantined application becomes a stored one; receipt, times and the original ZIP stay."""
    change(connection, opened.listed.receipt_no, quarantine_kind="", **_opened(opened.application))
    _write_content(connection, [opened])


def _opened(application: Application) -> dict[str, Any]:
    """What the header says of an application that could be opened."""
    return {
        "procedure_name": application.procedure_name,
        "applied_at": application.applied_at,
        "applicant_kind": application.applicant_kind,
        "origin": application.origin,
        "ingestion": Ingestion.STORED,
        "quarantine_reason": "",
    }


def _write_content(connection: Connection, opened: Iterable[Opened]) -> None:
    """Everything of these applications but header and ZIP, one statement a table."""
    bodies, attached, items, verifications, persons = [], [], [], [], []
    for one in opened:
        application, receipt = one.application, {"receipt_no": one.listed.receipt_no}
        bodies.append(receipt | {"body": application.form_pdf})
        attached += [receipt | _attachment_row(file) for file in application.attachments]
        items += [
            (one.listed.receipt_no, number, *item, *typed)
            for number, (item, typed) in enumerate(zip(application.items, one.typed, strict=True))
        ]
        verifications.append(receipt | _verification_row(application.verification))
        persons += [receipt | {"role": person.role} | _person_row(person) for person in one.persons]
    append_bodies(connection, tables.form_pdfs, bodies)
    append_bodies(connection, tables.attachments, attached)
    append(connection, tables.form_items, ITEM_COLUMNS, items)
    append_rows(connection, tables.verifications, verifications)
    append_rows(connection, tables.persons, persons)


def package(connection: Connection, receipt_no: str) -> memoryview | None:
    """The original ZIP; None when there is no such application."""
    return files.body(connection, tables.packages, receipt_no=receipt_no)


def set_quarantine_kind(connection: Connection, receipt_no: str, kind: str) -> None:
    table = tables.applications
    connection.execute(update(table).where(table.c.receipt_no == receipt_no).values(quarantine_kind=kind))


def requarantine(connection: Connection, receipt_no: str, kind: str, reason: str) -> None:
    """Still quarantined, for this reason now."""
    change(connection, receipt_no, quarantine_kind=kind, quarantine_reason=reason)


def quarantine(connection: Connection, listed: Listed, body: Content, reason: str, at: datetime) -> bool:
    """Keep an untrustworthy package with its reason. False when its 受付番号 is here already."""
    row = _header(listed, at) | {
        "procedure_name": "",
        "applicant_kind": "",
        "origin": "",
        "ingestion": Ingestion.QUARANTINED,
        "quarantine_reason": reason,
    }
    if not _insert_headers(connection, [row]):
        return False
    append_bodies(connection, tables.packages, [{"receipt_no": listed.receipt_no, "body": body}])
    add_history(connection, listed.receipt_no, at, "system", "隔離 / quarantined", reason)
    return True


def _header(listed: Listed, at: datetime) -> dict[str, Any]:
    return {
        "receipt_no": listed.receipt_no,
        "procedure_id": listed.procedure_id,
        "dantai_code": listed.dantai_code,
        "received_at": listed.received_at,
        "arrived_at": listed.arrived_at,
        "imported_at": at,
        "review": Review.UNREVIEWED,
        "handover": Handover.NONE,
        "version": 1,
        "package_size": listed.size,
        "package_sha256": listed.sha256,
    }


def _insert_headers(connection: Connection, rows: Sequence[dict[str, Any]]) -> set[str]:
    """The 受付番号 of those that were not there yet."""
    return set(insert_rows(connection, tables.applications, rows, new="receipt_no"))


def _attachment_row(file: AttachedFile) -> dict[str, Any]:
    return {
        "seq": file.seq,
        "label": file.label,
        "file_name": file.file_name,
        "media_type": file.media_type,
        "size": file.size,
        "sha256": file.sha256,
        "body": file.body,
    }


def _verification_row(found: Verification) -> dict[str, Any]:
    return {
        "result": found.result,
        "reason": found.reason,
        "verified_at": found.verified_at,
        "serial": None if found.serial is None else people.serial_key(found.serial),
        "name": found.basic4.name,
        "birth_date": found.basic4.birth_date,
        "birth_text": found.basic4.birth_text,
        "gender": found.basic4.gender,
        "address": found.basic4.address,
        "name_substituted": found.name_substituted,
        "address_substituted": found.address_substituted,
    }


def write_persons(connection: Connection, receipt_no: str, persons: Iterable[Decision]) -> None:
    """Replace the decisions about the people of an application."""
    for person in persons:
        row = _person_row(person)
        connection.execute(
            upsert(tables.persons)
            .values({"receipt_no": receipt_no, "role": person.role} | row)
            .on_conflict_do_update(index_elements=["receipt_no", "role"], set_=row)
        )


def _person_row(person: Decision) -> dict[str, Any]:
    return {
        "core_system": person.core_system,
        "state": person.state,
        "method": person.method,
        "juki_atena_no": person.juki_atena_no,
        "atena_no": person.atena_no,
        "candidates": [candidate.model_dump(mode="json") for candidate in person.candidates],
        "reasons": list(person.reasons),
    }


def add_history(connection: Connection, receipt_no: str, at: datetime, actor: str, what: str, reason: str = "") -> None:
    connection.execute(insert(tables.history), [_history_row(receipt_no, at, actor, what, reason)])


def _history_row(receipt_no: str, at: datetime, actor: str, what: str, reason: str = "") -> dict[str, Any]:
    return {"receipt_no": receipt_no, "at": at, "actor": actor, "what": what, "reason": reason}


def add_core_error(connection: Connection, receipt_no: str, at: datetime, item: str, reason: str) -> None:
    connection.execute(
        insert(tables.core_errors), [{"receipt_no": receipt_no, "at": at, "item": item, "reason": reason}]
    )


def change(connection: Connection, receipt_no: str, **values: Any) -> None:
    """Set columns of an application and move its version on."""
    connection.execute(_CHANGE, values | {"changed": receipt_no})


_CHANGE = (  # built once, as `_of_one`; the columns are those of the values
    update(tables.applications)
    .where(tables.applications.c.receipt_no == bindparam("changed"))
    .values(version=tables.applications.c.version + 1)
)


def _of_one(table: Table, *order: str, without: str = "") -> Select[Any]:
    """The rows of one application; built once, for building a statement takes as long as asking it."""
    columns = [column for column in table.c if column.name != without]
    return (
        select(*columns).where(table.c.receipt_no == bindparam("receipt_no")).order_by(*(table.c[one] for one in order))
    )


_HEADER = _of_one(tables.applications)
_HEADER_LOCKED = _HEADER.with_for_update()
_PERSONS = _of_one(tables.persons, "role")
_ITEMS = _of_one(tables.form_items, "position")
_ATTACHMENTS = _of_one(tables.attachments, "seq", without="body")
_HISTORY = _of_one(tables.history, "id")


def status(connection: Connection, receipt_no: str, *, lock: bool = False) -> Status | None:
    """What the rules need to know; with ``lock`` nobody else changes it until the transaction ends."""
    row = connection.execute(_HEADER_LOCKED if lock else _HEADER, {"receipt_no": receipt_no}).first()
    return None if row is None else _status(row, persons(connection, receipt_no))


def persons(connection: Connection, receipt_no: str) -> tuple[Decision, ...]:
    return tuple(_decision(row) for row in connection.execute(_PERSONS, {"receipt_no": receipt_no}))


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        role=Role(row.role),
        core_system=row.core_system,
        state=PersonState(row.state),
        method=None if row.method is None else Method(row.method),
        juki_atena_no=row.juki_atena_no,
        atena_no=row.atena_no,
        candidates=tuple(Candidate.model_validate(one) for one in row.candidates),
        reasons=tuple(row.reasons),
    )


def _status(row: Row[Any], involved: tuple[Decision, ...]) -> Status:
    return Status(
        receipt_no=row.receipt_no,
        procedure_id=row.procedure_id,
        ingestion=Ingestion(row.ingestion),
        review=Review(row.review),
        handover=Handover(row.handover),
        version=row.version,
        persons=involved,
        acknowledged=None if row.ack_result is None else Acknowledgement(row.ack_result, row.ack_item, row.ack_reason),
        drop_number=row.drop_number,
    )


def open_receipts(
    connection: Connection, reviews: Collection[Review], procedures: Collection[str]
) -> list[tuple[str, str]]:
    """(受付番号, 手続) of applications in one of ``reviews`` with a person whom nobody has identified yet."""
    table, involved = tables.applications, tables.persons
    undecided = select(involved.c.receipt_no).where(involved.c.state == PersonState.STAFF)
    query = select(table.c.receipt_no, table.c.procedure_id).where(
        table.c.receipt_no.in_(undecided),
        table.c.review.in_(list(reviews)),
        table.c.procedure_id.in_(list(procedures)),
    )
    return [(row[0], row[1]) for row in connection.execute(query.order_by(table.c.receipt_no))]


def content(connection: Connection, receipt_no: str) -> tuple[tuple[FormValue, ...], Verification]:
    """Form items and verification result of a stored application, as they were sent."""
    row = connection.execute(select(tables.verifications).where(tables.verifications.c.receipt_no == receipt_no)).one()
    verification = Verification(
        result=row.result,
        reason=row.reason,
        verified_at=row.verified_at,
        serial=None if row.serial is None else int(row.serial, 16),
        basic4=Basic4(row.name, row.birth_date, row.gender, row.address, row.birth_text),
        name_substituted=row.name_substituted,
        address_substituted=row.address_substituted,
    )
    return items(connection, receipt_no), verification


def items(connection: Connection, receipt_no: str) -> tuple[FormValue, ...]:
    return tuple(
        FormValue(row.item_id, row.label, row.item_group, row.occurrence, row.value)
        for row in connection.execute(_ITEMS, {"receipt_no": receipt_no})
    )


def typed_items(connection: Connection, receipt_no: str) -> tuple[Typed, ...]:
    """What the procedure's definition made of `items`, in the same order."""
    table = tables.form_items
    columns = (table.c.item_type, table.c.as_date, table.c.as_number, table.c.as_flag)
    query = select(*columns).where(table.c.receipt_no == receipt_no).order_by(table.c.position)
    return tuple(
        Typed(kind or "", day, None if number is None else int(number), flag)
        for kind, day, number, flag in connection.execute(query)
    )


def attachments(connection: Connection, receipt_no: str) -> tuple[AttachedFile, ...]:
    """The list of attachments without their bytes."""
    return tuple(
        AttachedFile(row.seq, row.label, row.file_name, row.media_type, row.size, row.sha256, b"")
        for row in connection.execute(_ATTACHMENTS, {"receipt_no": receipt_no})
    )


def listed_attachment(connection: Connection, receipt_no: str, seq: int) -> AttachedFile | None:
    """One attachment without its bytes."""
    return next((file for file in attachments(connection, receipt_no) if file.seq == seq), None)


def attachment(connection: Connection, receipt_no: str, seq: int) -> AttachedFile | None:
    """One attachment with its bytes."""
    file = listed_attachment(connection, receipt_no, seq)
    body = None if file is None else files.body(connection, tables.attachments, receipt_no=receipt_no, seq=seq)
    return None if file is None or body is None else replace(file, body=body)


def header(connection: Connection, receipt_no: str) -> Row[Any] | None:
    """The row of an application."""
    return connection.execute(_HEADER, {"receipt_no": receipt_no}).first()


def headers(connection: Connection, offset: int, limit: int) -> tuple[int, Sequence[Row[Any]]]:
    """(number of all applications, one page of them by 受付日時 and 受付番号)."""
    table = tables.applications
    total = connection.execute(select(func.count()).select_from(table)).scalar_one()
    query = select(table).order_by(table.c.received_at, table.c.receipt_no).offset(offset).limit(limit)
    return total, connection.execute(query).all()


def waiting(connection: Connection, procedures: Collection[str]) -> Sequence[tuple[Status, datetime]]:
    """Applications of these procedures that wait for hand-over, oldest completion first, with 審査完了日時."""
    table = tables.applications
    query = select(table).where(table.c.handover == Handover.WAITING, table.c.procedure_id.in_(list(procedures)))
    rows = connection.execute(query.order_by(table.c.completed_at, table.c.receipt_no))
    return [(_status(row, ()), row.completed_at) for row in rows]


def history(connection: Connection, receipt_no: str) -> Sequence[Row[Any]]:
    return connection.execute(_HISTORY, {"receipt_no": receipt_no}).all()


def same_person(connection: Connection, receipts: Collection[str]) -> dict[str, list[str]]:
    """受付番号 → other applications for the same procedure whose subject or signer is the same identified person."""
    found: dict[str, list[str]] = {}
    for receipt_no, another in connection.execute(_SAME_PERSON, {"receipts": list(receipts)}):
        found.setdefault(receipt_no, []).append(another)
    return found


_SAME_PERSON = text(
    "SELECT DISTINCT mine.receipt_no, other.receipt_no FROM persons mine "
    "JOIN persons other ON other.core_system = mine.core_system AND other.atena_no = mine.atena_no "
    "AND other.role = mine.role AND other.receipt_no != mine.receipt_no "
    "AND other.atena_no != '' "  # as the index has it: the many who are not known are not each other's doubles
    "JOIN applications here ON here.receipt_no = mine.receipt_no "
    "JOIN applications there ON there.receipt_no = other.receipt_no AND there.procedure_id = here.procedure_id "
    "WHERE mine.receipt_no = ANY(:receipts) AND mine.atena_no != '' ORDER BY 1, 2"
)
