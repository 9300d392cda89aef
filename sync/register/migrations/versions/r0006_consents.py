"""On what basis a face may be kept: the text that was shown, when, where, and when it was taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("employee", sa.String(32), sa.ForeignKey("employees.number"), nullable=False),
        sa.Column("basis", sa.String(16), nullable=False),
        sa.Column("text_version", sa.String(40), nullable=False),
        sa.Column("given_at", _INSTANT, nullable=False),
        sa.Column("desk", sa.String(80), nullable=False),
        sa.Column("withdrawn_at", _INSTANT),
        sa.UniqueConstraint("employee", "given_at", name="consents_key"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
