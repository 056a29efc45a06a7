"""The tables. Values of applicants are TEXT without length, collation or folding: stored exactly as sent."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


def _receipt() -> Column[str]:
    return Column("receipt_no", Text, ForeignKey("applications.receipt_no", ondelete="CASCADE"), primary_key=True)


applications = Table(
    "applications",
    metadata,
    Column("receipt_no", Text, primary_key=True),
    Column("procedure_id", Text, nullable=False),
    Column("procedure_name", Text, nullable=False),
    Column("dantai_code", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("arrived_at", DateTime(timezone=True), nullable=False),
    Column("imported_at", DateTime(timezone=True), nullable=False),
    Column("applied_at", DateTime(timezone=True)),
    Column("completed_at", DateTime(timezone=True)),
    Column("applicant_kind", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("ingestion", Text, nullable=False),
    Column("review", Text, nullable=False),
    Column("handover", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("quarantine_reason", Text, nullable=False),
    Column("quarantine_kind", Text, nullable=False, server_default=""),
    Column("package_size", BigInteger, nullable=False),
    Column("package_sha256", Text, nullable=False),
    Column("ack_result", Text),
    Column("ack_item", Text, nullable=False, server_default=""),
    Column("ack_reason", Text, nullable=False, server_default=""),
    Column("drop_number", BigInteger),
    Column("resident_told_at", DateTime(timezone=True)),
    Index("applications_received", "received_at", "receipt_no"),
    Index("applications_handover", "handover", "procedure_id"),
)

Index(
    "applications_drop",
    applications.c.drop_number,
    applications.c.procedure_id,
    postgresql_where=applications.c.drop_number.is_not(None),
)

UNTOLD = text("resident_told_at IS NULL AND review IN ('completed', 'rejected', 'withdrawn')")
"""The review is done, and nobody has told the resident: constants, so that the index is recognised."""
Index("applications_untold", applications.c.received_at, postgresql_where=UNTOLD)
Index("applications_age", applications.c.procedure_id, applications.c.imported_at)

packages = Table("packages", metadata, _receipt(), Column("body", LargeBinary, nullable=False))
"""The original ZIP of every application as evidence: its SHA-256 is that of the list (`applications.package_sha256`)."""

form_pdfs = Table("form_pdfs", metadata, _receipt(), Column("body", LargeBinary, nullable=False))

form_items = Table(
    "form_items",
    metadata,
    _receipt(),
    Column("position", Integer, primary_key=True),
    Column("item_id", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("item_group", Text, nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("value", Text, nullable=False),
    Column("item_type", Text),
    Column("as_date", Date),
    Column("as_number", Numeric),
    Column("as_flag", Boolean),
)
"""Values as they were sent, and beside them what the procedure's definition of that day made of them.

``item_type`` is "" for an item that the definition did not know, NULL where it was stored before there were types.
"""

attachments = Table(
    "attachments",
    metadata,
    _receipt(),
    Column("seq", Integer, primary_key=True),
    Column("label", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

verifications = Table(
    "verifications",
    metadata,
    _receipt(),
    Column("result", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("verified_at", DateTime(timezone=True), nullable=False),
    Column("serial", Text),
    Column("name", Text, nullable=False),
    Column("birth_date", Date),
    Column("birth_text", Text, nullable=False),
    Column("gender", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("name_substituted", Boolean, nullable=False),
    Column("address_substituted", Boolean, nullable=False),
)

persons = Table(
    "persons",
    metadata,
    _receipt(),
    Column("role", Text, primary_key=True),
    Column("core_system", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("method", Text),
    Column("juki_atena_no", Text, nullable=False),
    Column("atena_no", Text, nullable=False),
    Column("candidates", JSONB, nullable=False),
    Column("reasons", JSONB, nullable=False),
    Index("persons_state", "state"),
)

Index("persons_known", persons.c.core_system, persons.c.atena_no, postgresql_where=persons.c.atena_no != "")
"""Only of people who are known: the many others would all stand under the empty number."""

history = Table(
    "history",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("receipt_no", Text, ForeignKey("applications.receipt_no", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

core_errors = Table(
    "core_errors",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("receipt_no", Text, ForeignKey("applications.receipt_no", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("item", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

links = Table(
    "links",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("serial", Text, nullable=False, index=True),
    Column("atena_no", Text, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date, nullable=False),
    Column("state", Text, nullable=False),
)
"""Serials as upper-case hexadecimal without padding; a serial that stands twice is not hidden by a key."""

atena = Table(
    "atena",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("core_system", Text, nullable=False),
    Column("atena_no", Text, nullable=False),
    Column("juki_atena_no", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kana", Text, nullable=False),
    Column("birth_date", Date),
    Column("gender", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("name_folded", Text, nullable=False),
    Column("address_folded", Text, nullable=False),
    Index("atena_number", "core_system", "atena_no"),
    Index("atena_juki", "core_system", "juki_atena_no"),
    Index("atena_birth", "core_system", "birth_date"),
    Index("atena_name", "core_system", "name_folded"),
    Index("atena_address", "core_system", "address_folded"),
)
"""Folded columns only find candidates for staff; what is shown and compared is the original text."""

sync_positions = Table(
    "sync_positions",
    metadata,
    Column("source", Text, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
    Column("synced_at", DateTime(timezone=True), nullable=False),
    Column("digest", Text, nullable=False, server_default=""),
)

job_runs = Table(
    "job_runs",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("notes", JSONB, nullable=False),
    Column("planned", Boolean, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)
Index("job_runs_running", job_runs.c.kind, unique=True, postgresql_where=job_runs.c.state == "running")
"""One run of a kind at a time: a second one cannot even be written."""

import_rows = Table(
    "import_rows",
    metadata,
    Column("run_id", BigInteger, ForeignKey("job_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("receipt_no", Text, primary_key=True),
    Column("batch", Integer, nullable=False),
    Column("procedure_id", Text, nullable=False),
    Column("dantai_code", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("arrived_at", DateTime(timezone=True), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("outcome", Text),
    Column("note", Text, nullable=False),
    Index("import_rows_batch", "run_id", "batch"),
)
"""What a running import has still to take in, batch by batch; gone when the run has ended."""

drops = Table(
    "drops",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("core_system", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("done", Boolean, nullable=False),
    Column("note", Text, nullable=False),
)

erased = Table(
    "erased",
    metadata,
    Column("receipt_no", Text, primary_key=True),
    Column("procedure_id", Text, nullable=False),
    Column("erased_at", DateTime(timezone=True), nullable=False),
)
"""Receipt numbers of what was erased by 保存年限, and nothing else of it."""
