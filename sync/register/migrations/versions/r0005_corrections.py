"""Corrections made at the kiosk: what became of each punch beside its bytes. And who is an administrator there."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("events", sa.Column("voided", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("events", sa.Column("direction_now", sa.String(8)))
    op.add_column("events", sa.Column("corrected_at", sa.DateTime(timezone=True)))
    for name, condition in (
        ("events_corrected", "corrected_at IS NOT NULL"),
        ("events_beside", "method IS NULL AND employee IS NOT NULL"),
    ):
        where = sa.text(condition)
        op.create_index(name, "events", ["counted_at"], sqlite_where=where, postgresql_where=where)
    op.add_column("employees", sa.Column("administrator", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
