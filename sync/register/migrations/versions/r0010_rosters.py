"""From when to when somebody belongs to an office, and whether a kiosk may keep pictures of them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("employees", sa.Column("valid_until", sa.DateTime(timezone=True)))
    op.add_column("employees", sa.Column("photo", sa.Boolean, nullable=False, server_default=sa.true()))


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
