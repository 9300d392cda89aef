"""Attacks on kiosks' cameras and near misses, with their sealed pictures for a while, and what reviewers decided."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "attacks",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("office", sa.String(40), nullable=False),
        sa.Column("terminal", sa.String(40), nullable=False),
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("employee", sa.String(32)),
        sa.Column("verdict", sa.String(12), nullable=False),
        sa.Column("cues", sa.Text, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("evidence_ref", sa.String(200)),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("picture", sa.LargeBinary),
    )
    op.create_index("attacks_received", "attacks", ["received_at"])
    op.create_index("attacks_of_terminal", "attacks", ["terminal", "received_at"])
    op.create_table(
        "attack_decisions",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("attack", sa.String(32), sa.ForeignKey("attacks.id"), nullable=False),
        sa.Column("decision", sa.String(8), nullable=False),
        sa.Column("decided_at", _INSTANT, nullable=False),
        sa.Column("decided_by", sa.String(80), nullable=False),
        sa.Column("note", sa.String(300), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("attack_decisions_of_attack", "attack_decisions", ["attack", "id"])


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
