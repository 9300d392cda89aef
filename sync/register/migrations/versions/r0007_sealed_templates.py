"""Templates are sealed with a key of each person: the rows of before are when the desk opens the register."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("templates", sa.Column("sealed", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("templates_sealed", "templates", ["sealed"])


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
