"""Withdrawals, and what each kiosk's word of its set is worth for them."""

revision = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
