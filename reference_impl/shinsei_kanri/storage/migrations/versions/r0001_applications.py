"""Applications, people, links: the tables of the first version."""

from __future__ import annotations

from alembic import op

from reference_impl.shinsei_kanri.storage import migrations

revision = "0001"
down_revision = None


def upgrade() -> None:
    migrations.run(op.get_bind(), migrations.script(revision))
