"""From when to when somebody belongs to an office, and whether pictures of them may be kept."""

revision = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
