"""Applications are stored in portions: an index of known people only."""

from __future__ import annotations

from alembic import op

from reference_impl.shinsei_kanri.storage import migrations

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    migrations.run(op.get_bind(), migrations.script(revision))
