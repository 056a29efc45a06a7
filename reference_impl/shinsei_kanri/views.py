"""What staff and harness see of an application, from the database, as the models of the control interface."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from interface_spec.control import (
    ApplicationDetail,
    ApplicationPage,
    ApplicationSummary,
    Handover,
    Ingestion,
    Review,
)
from reference_impl.shinsei_kanri.clock import JST
from reference_impl.shinsei_kanri.storage import applications, reading


def page(connection: Connection, offset: int, limit: int) -> ApplicationPage:
    total, rows = applications.headers(connection, offset, limit)
    return ApplicationPage(total=total, items=[ApplicationSummary(**_summary(row)) for row in rows])


def detail(connection: Connection, receipt_no: str) -> ApplicationDetail | None:
    """Everything about one application; None when there is none."""
    row = reading.whole(connection, receipt_no)
    return None if row is None else of(row)


def of(row: Row[Any]) -> ApplicationDetail:
    """What `reading.whole` found."""
    return ApplicationDetail.model_validate(
        {
            **_summary(row),
            "dantai_code": row.dantai_code,
            "quarantine_reason": row.quarantine_reason,
            "items": row.form,
            "attachments": row.files,
            "persons": row.people,
            "core_errors": row.errors,
            "history": [one | {"at": local(datetime.fromisoformat(one["at"]))} for one in row.events],
        }
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
