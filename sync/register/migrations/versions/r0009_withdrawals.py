"""Withdrawals, what was given out of somebody, and each kiosk's signed word of the set it uses."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "set_words",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("office", sa.String(40), nullable=False),
        sa.Column("terminal", sa.String(40), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("word", sa.String(1000), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("heard_at", _INSTANT, nullable=False),
        sa.UniqueConstraint("office", "terminal", "version", "sha256", name="set_words_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "withdrawals",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("employee", sa.String(32), sa.ForeignKey("employees.number"), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("leaves", sa.Boolean, nullable=False),
        sa.Column("templates", sa.Integer, nullable=False),
        sa.Column("key_destroyed", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("withdrawals_of_employee", "withdrawals", ["employee", "id"])
    op.create_table(
        "withdrawal_sets",
        sa.Column("withdrawal", _ID, sa.ForeignKey("withdrawals.id"), primary_key=True, autoincrement=False),
        sa.Column("office", sa.String(40), primary_key=True),
        sa.Column("version", sa.BigInteger),
        sa.Column("sha256", sa.String(64)),
        sa.Column("released_at", _INSTANT),
    )
    op.create_table(
        "exports",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("employee", sa.String(32), sa.ForeignKey("employees.number"), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("desk", sa.String(80), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("exports_of_employee", "exports", ["employee", "id"])


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
