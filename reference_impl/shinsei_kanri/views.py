"""What staff and harness see of an application, from the database, as the models of the control interface."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from interface_spec.control import (
    ApplicationDetail,
    ApplicationPage,
    ApplicationSummary,
    Attachment,
    Event,
    FormItem,
    Handover,
    Ingestion,
    Person,
    Review,
)
from reference_impl.shinsei_kanri.clock import JST
from reference_impl.shinsei_kanri.records import Decision
from reference_impl.shinsei_kanri.storage import applications


def page(connection: Connection, offset: int, limit: int) -> ApplicationPage:
    total, rows = applications.headers(connection, offset, limit)
    return ApplicationPage(total=total, items=[ApplicationSummary(**_summary(row)) for row in rows])


def detail(connection: Connection, receipt_no: str) -> ApplicationDetail | None:
    """Everything about one application; None when there is none."""
    row = applications.header(connection, receipt_no)
    if row is None:
        return None
    return ApplicationDetail(
        **_summary(row),
        dantai_code=row.dantai_code,
        quarantine_reason=row.quarantine_reason,
        items=[
            FormItem(
                item_id=item.item_id, label=item.label, group=item.group, occurrence=item.occurrence, value=item.value
            )
            for item in applications.items(connection, receipt_no)
        ],
        attachments=[
            Attachment(
                seq=file.seq,
                label=file.label,
                file_name=file.file_name,
                media_type=file.media_type,
                size=file.size,
                sha256=file.sha256,
            )
            for file in applications.attachments(connection, receipt_no)
        ],
        persons=[_person(one) for one in applications.persons(connection, receipt_no)],
        core_errors=[_core_error(one) for one in applications.core_errors(connection, receipt_no)],
        history=[
            Event(at=local(one.at), actor=one.actor, what=one.what, reason=one.reason)
            for one in applications.history(connection, receipt_no)
        ],
    )


def local(moment: datetime) -> datetime:
    """``moment`` in Japanese time."""
    return moment.astimezone(JST)


def _summary(row: Row[Any]) -> dict[str, Any]:
    return {
        "receipt_no": row.receipt_no,
        "procedure_id": row.procedure_id,
        "ingestion": Ingestion(row.ingestion),
        "review": Review(row.review),
        "handover": Handover(row.handover),
        "received_at": local(row.received_at),
        "arrived_at": local(row.arrived_at),
        "imported_at": local(row.imported_at),
        "version": row.version,
    }


def _person(one: Decision) -> Person:
    return Person(
        role=one.role,
        state=one.state,
        method=one.method,
        juki_atena_no=one.juki_atena_no,
        core_system=one.core_system,
        atena_no=one.atena_no,
        candidates=list(one.candidates),
        reasons=list(one.reasons),
    )


def _core_error(row: Row[Any]) -> str:
    return f"{row.item}: {row.reason}" if row.item else str(row.reason)
