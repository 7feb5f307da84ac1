"""Former texts of messages, other programs' messages, and what Slack and Telegram need."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLOAT: sa.Double[float] = sa.Double()
REACTED = "kind = 'react' AND state = 'sent'"


def words(*names: str) -> list[sa.Column[str]]:
    """Texts that are always there."""
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    """Add two columns, two indexes and five tables."""
    op.add_column("chats", sa.Column("bots", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("chats", sa.Column("moved_to", sa.Text()))
    where = sa.text(REACTED)
    op.drop_index("ix_outbox_posts", "outbox")
    posts = sa.text("kind IN ('post', 'document', 'picture')")
    op.create_index("ix_outbox_posts", "outbox", ["chat", "sent_at"], sqlite_where=posts, postgresql_where=posts)
    op.create_index("ix_outbox_reacted", "outbox", ["subject", "id"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "revisions",
        sa.Column("message", ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        *words("text"),
        sa.Column("until", FLOAT, nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name="fk_revisions_message", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("message", "revision", name="pk_revisions"),
    )
    op.create_table(
        "installations",
        *words("platform", "workspace", "name", "data"),
        sa.Column("installed_at", FLOAT, nullable=False),
        sa.Column("revoked_at", FLOAT),
        sa.PrimaryKeyConstraint("platform", "workspace", name="pk_installations"),
    )
    op.create_table(
        "oauth_states",
        *words("state"),
        sa.Column("expires_at", FLOAT, nullable=False),
        sa.PrimaryKeyConstraint("state", name="pk_oauth_states"),
    )
    op.create_table(
        "leases",
        *words("name", "holder"),
        sa.Column("token", ID, nullable=False),
        sa.Column("until", FLOAT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "heartbeats",
        *words("process", "role"),
        sa.Column("at", FLOAT, nullable=False),
        sa.PrimaryKeyConstraint("process", name="pk_heartbeats"),
    )
