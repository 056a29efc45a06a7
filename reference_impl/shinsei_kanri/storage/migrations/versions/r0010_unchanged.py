"""Copies that have not changed are not taken over again."""

from __future__ import annotations

from alembic import op

from reference_impl.shinsei_kanri.storage import migrations

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    migrations.run(op.get_bind(), migrations.script(revision))
