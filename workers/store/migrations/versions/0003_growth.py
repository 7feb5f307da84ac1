"""When the label of a message last changed, and the head that a version served last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLOAT: sa.Double[float] = sa.Double()


def upgrade() -> None:
    """Add a column, two indexes and a table."""
    op.add_column("message_labels", sa.Column("changed", ID, server_default="0", nullable=False))
    op.create_index("ix_message_labels_changed", "message_labels", ["changed"])
    claimed = sa.text("state = 'claimed'")
    op.create_index(
        "ix_inbox_claimed", "inbox", ["queue", "chat", "id"], sqlite_where=claimed, postgresql_where=claimed
    )
    op.create_table(
        "served_heads",
        sa.Column("version", ID, autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("tensors", sa.LargeBinary()),
        sa.Column("at", FLOAT, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_served_heads"),
    )
