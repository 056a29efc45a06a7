"""Jobs in the database: procrastinate's own schema (3.10), the runs of sync and import, the rows that a run takes in."""

from __future__ import annotations

from alembic import op

from reference_impl.shinsei_kanri.storage import migrations

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    migrations.run(op.get_bind(), migrations.script(revision))
