"""When the resident's status was updated, and the receipt numbers of what was erased by 保存年限."""

from __future__ import annotations

from alembic import op

from reference_impl.shinsei_kanri.storage import migrations

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    migrations.run(op.get_bind(), migrations.script(revision))
