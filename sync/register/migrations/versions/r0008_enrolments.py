"""Enrolments made on kiosks, until the centre has decided about them, and what it decided."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "enrolments",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("office", sa.String(40), nullable=False),
        sa.Column("terminal", sa.String(40), nullable=False),
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("administrator", sa.String(32), nullable=False),
        sa.Column("employee", sa.String(32), nullable=False),
        sa.Column("basis", sa.String(16), nullable=False),
        sa.Column("text_version", sa.String(40), nullable=False),
        sa.Column("engine_id", sa.String(200), nullable=False),
        sa.Column("sealed", sa.Text),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("made_at", _INSTANT),
        sa.Column("decided_on", _INSTANT),
        sa.Column("decided_by", sa.String(80)),
        sa.Column("why", sa.String(300)),
    )
    op.create_index("enrolments_of_employee", "enrolments", ["employee"])
    op.create_index("enrolments_decided", "enrolments", ["office", "state", "decided_on"])


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
