"""Whether the person was there when a kiosk took the face of an enrolment."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("enrolments", sa.Column("pad", sa.String(12), nullable=False, server_default="not_checked"))


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
