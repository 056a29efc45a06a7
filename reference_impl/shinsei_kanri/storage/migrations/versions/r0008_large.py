"""Indexes for very many applications."""

from __future__ import annotations

from alembic import op

from reference_impl.shinsei_kanri.storage import migrations

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    migrations.run(op.get_bind(), migrations.script(revision))
