"""The original ZIP of every application, kept as it came (a ZIP is not compressed again); why one is quarantined."""

from __future__ import annotations

from alembic import op

from reference_impl.shinsei_kanri.storage import migrations

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    migrations.run(op.get_bind(), migrations.script(revision))
