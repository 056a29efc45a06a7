"""Hand-over by file drop: which drops were made and taken, and which drop carries an application."""

from __future__ import annotations

from alembic import op

from reference_impl.shinsei_kanri.storage import migrations

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    migrations.run(op.get_bind(), migrations.script(revision))
