"""Form values with the types of the procedure's definition."""

from __future__ import annotations

from alembic import op

from reference_impl.shinsei_kanri.storage import migrations

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    migrations.run(op.get_bind(), migrations.script(revision))
