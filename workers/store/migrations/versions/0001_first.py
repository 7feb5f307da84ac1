"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLOAT: sa.Double[float] = sa.Double()


def number() -> sa.Column[int]:
    """Our own number of a row."""
    return sa.Column("id", ID, autoincrement=True, nullable=False)


def words(*names: str) -> list[sa.Column[str]]:
    """Texts that are always there."""
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def partial(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    """An index over the few rows of which `where` is true."""
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "audit",
        number(),
        sa.Column("at", FLOAT, nullable=False),
        *words("actor_id", "actor_name", "platform", "workspace", "chat_id", "verb", "arguments", "outcome"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_table(
        "chats",
        *words("key", "platform", "workspace", "chat_id"),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("mode", sa.Text(), server_default="suggest", nullable=False),
        sa.Column("language", sa.Text(), server_default="en", nullable=False),
        sa.Column("enabled_by", sa.Text(), nullable=False),
        sa.Column("changed_at", FLOAT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_chats"),
    )
    op.create_table(
        "confirmations",
        number(),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("held_at", FLOAT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_confirmations"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", ID, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.create_table(
        "heads",
        number(),
        sa.Column("version", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.Column("ledger", ID, nullable=False),
        sa.Column("examples", sa.Integer(), nullable=False),
        sa.Column("at", FLOAT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_heads"),
    )
    op.create_index("ix_heads_version", "heads", ["version", "id"])
    op.create_table(
        "inbox",
        number(),
        *words("key", "queue", "chat"),
        sa.Column("event", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="new", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("lease_until", FLOAT, nullable=True),
        sa.Column("available_at", FLOAT, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("received_at", FLOAT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sa.UniqueConstraint("key", name="uq_inbox_key"),
        sqlite_autoincrement=True,
    )
    partial("ix_inbox_failed", "inbox", ["id"], where="state = 'failed'")
    partial("ix_inbox_live", "inbox", ["queue", "id"], where="state IN ('new', 'claimed')")
    partial("ix_inbox_over", "inbox", ["received_at"], where="state IN ('done', 'failed')")
    op.create_table(
        "jobs",
        number(),
        *words("kind", "state", "request"),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", FLOAT, nullable=True),
        sa.Column("fraction", FLOAT, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("cancel", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("created_at", FLOAT, nullable=False),
        sa.Column("started_at", FLOAT, nullable=True),
        sa.Column("finished_at", FLOAT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sqlite_autoincrement=True,
    )
    partial("uq_jobs_live", "jobs", ["kind"], where="state IN ('queued', 'running')", unique=True)
    op.create_table(
        "labels",
        number(),
        *words("name", "folded", "description", "emoji"),
        sa.Column("created_at", FLOAT, nullable=False),
        sa.Column("removed_at", FLOAT, nullable=True),
        sa.Column("merged_into", ID, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
        sqlite_autoincrement=True,
    )
    partial("uq_labels_emoji", "labels", ["emoji"], where="removed_at IS NULL AND emoji <> ''", unique=True)
    partial("uq_labels_folded", "labels", ["folded"], where="removed_at IS NULL", unique=True)
    op.create_table(
        "ledger",
        number(),
        *words(
            "key",
            "ref",
            "chat",
            "platform",
            "workspace",
            "chat_id",
            "message_id",
            "annotator_id",
            "annotator_name",
            "emoji",
        ),
        sa.Column("label", ID, nullable=True),
        sa.Column("added", sa.Boolean(), nullable=False),
        sa.Column("at", FLOAT, nullable=False),
        sa.Column("sequence", ID, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("recorded_at", FLOAT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
        sa.UniqueConstraint("key", name="uq_ledger_key"),
    )
    op.create_index("ix_ledger_annotator", "ledger", ["platform", "workspace", "annotator_id"])
    op.create_index("ix_ledger_chat", "ledger", ["chat"])
    op.create_index("ix_ledger_emoji", "ledger", ["emoji"])
    op.create_index("ix_ledger_label", "ledger", ["label"])
    op.create_index("ix_ledger_ref", "ledger", ["ref"])
    op.create_table(
        "message_labels",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("label", ID, nullable=True),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("first_at", FLOAT, nullable=True),
        sa.Column("foresaw", sa.Boolean(), nullable=False),
        sa.Column("predicted", ID, nullable=True),
        sa.PrimaryKeyConstraint("ref", name="pk_message_labels"),
    )
    partial("ix_message_labels_disputed", "message_labels", ["ref"], where="disputed")
    partial("ix_message_labels_label", "message_labels", ["label"], where="label IS NOT NULL")
    op.create_table(
        "messages",
        number(),
        *words("ref", "chat", "platform", "workspace", "chat_id", "message_id"),
        sa.Column("author_id", sa.Text(), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", FLOAT, nullable=False),
        sa.Column("text_at", FLOAT, nullable=False),
        sa.Column("text_sequence", ID, nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.UniqueConstraint("ref", name="uq_messages_ref"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_author", "messages", ["platform", "workspace", "author_id"])
    op.create_index("ix_messages_chat", "messages", ["chat", "at"])
    op.create_table(
        "outbox",
        number(),
        *words("key", "platform", "chat", "kind"),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("lease_until", FLOAT, nullable=True),
        sa.Column("available_at", FLOAT, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("created_at", FLOAT, nullable=False),
        sa.Column("sent_at", FLOAT, nullable=True),
        sa.Column("received_at", FLOAT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
        sqlite_autoincrement=True,
    )
    partial("ix_outbox_edits", "outbox", ["subject", "id"], where="kind = 'edit_post' AND reply IS NOT NULL")
    partial("ix_outbox_live", "outbox", ["platform", "chat", "id"], where="state IN ('pending', 'claimed')")
    partial("ix_outbox_posted", "outbox", ["chat", "message_id"], where="message_id IS NOT NULL")
    partial("ix_outbox_posts", "outbox", ["chat", "sent_at"], where="kind IN ('post', 'document')")
    spent = "(state = 'superseded' OR (kind IN ('react', 'check_admin') AND state IN ('sent', 'failed')))"
    partial("ix_outbox_spent", "outbox", ["created_at"], where=spent)
    partial("ix_outbox_subject", "outbox", ["subject", "id"], where="state IN ('pending', 'claimed')")
    op.create_table(
        "promotions",
        number(),
        sa.Column("version", ID, nullable=False),
        sa.Column("previous", ID, nullable=True),
        sa.Column("at", FLOAT, nullable=False),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_promotions"),
    )
    op.create_table(
        "versions",
        number(),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=True),
        *words("backbone", "fingerprint", "method", "metrics"),
        sa.Column("parent", ID, nullable=True),
        sa.Column("created_at", FLOAT, nullable=False),
        sa.Column("promoted_at", FLOAT, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_versions"),
        sqlite_autoincrement=True,
    )
    partial("uq_versions_active", "versions", ["state"], where="state = 'active'", unique=True)
    op.create_table(
        "predictions",
        number(),
        sa.Column("message", ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("version", ID, nullable=False),
        sa.Column("head_revision", ID, nullable=False),
        sa.Column("label", ID, nullable=True),
        sa.Column("probability", FLOAT, nullable=False),
        sa.Column("margin", FLOAT, nullable=False),
        sa.Column("guess", sa.Boolean(), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("at", FLOAT, nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name="fk_predictions_message", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_predictions"),
    )
    op.create_index("ix_predictions_message", "predictions", ["message", "id"])
    op.create_table(
        "questions",
        number(),
        *words("ref", "chat", "platform", "workspace", "chat_id", "message_id"),
        sa.Column("message", ID, nullable=False),
        *words("post", "state"),
        sa.Column("asked_at", FLOAT, nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name="fk_questions_message", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_questions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_questions_message", "questions", ["message"])
    op.create_table(
        "vectors",
        sa.Column("message", ID, nullable=False),
        sa.Column("backbone", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name="fk_vectors_message", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("message", "backbone", name="pk_vectors"),
    )


def downgrade() -> None:
    """There is no way back."""
    raise NotImplementedError("There is nothing before the first tables.")
