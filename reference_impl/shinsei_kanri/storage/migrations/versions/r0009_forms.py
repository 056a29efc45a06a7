"""Forms are kept as they came."""

from __future__ import annotations

from alembic import op

from reference_impl.shinsei_kanri.storage import migrations

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    migrations.run(op.get_bind(), migrations.script(revision))
