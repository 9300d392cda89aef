"""Enrolments made on kiosks, until the centre has decided about them."""

revision = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
