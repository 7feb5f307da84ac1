"""The tables, as SQLAlchemy Core sees them. Times are seconds since the epoch; JSON is kept as text."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from workers.store.columns import Id, lease_parts, metadata, number, partial, ref_parts, words

# Spelled out, not bound: both databases use a partial index only where the query says its very words.
INBOX_LIVE = text("inbox.state IN ('new', 'claimed')")
INBOX_OVER = text("inbox.state IN ('done', 'failed')")
INBOX_FAILED = text("inbox.state = 'failed'")
OUTBOX_LIVE = text("outbox.state IN ('pending', 'claimed')")
OUTBOX_EDITS = text("outbox.kind = 'edit_post' AND outbox.reply IS NOT NULL")
OUTBOX_REACTED = text("outbox.kind = 'react' AND outbox.state = 'sent'")
OUTBOX_SPENT = text(
    "(outbox.state = 'superseded' OR (outbox.kind IN ('react', 'check_admin') AND outbox.state IN ('sent', 'failed')))"
)


counters = Table("counters", metadata, Column("name", Text, primary_key=True), Column("value", Id, nullable=False))

inbox = Table(
    "inbox",
    metadata,
    number(),
    words("key"),
    words("queue"),
    words("chat"),
    Column("event", Text),
    words("state", "new"),
    *lease_parts(),
    Column("received_at", Double, nullable=False),
    UniqueConstraint("key"),
    partial("ix_inbox_live", "queue", "id", where="state IN ('new', 'claimed')"),
    partial("ix_inbox_over", "received_at", where="state IN ('done', 'failed')"),
    partial("ix_inbox_failed", "id", where="state = 'failed'"),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    number(),
    words("key"),
    words("platform"),
    words("chat"),
    words("kind"),
    Column("subject", Text),  # what only the newest reply says: the key of the edited post, the ref of the reaction
    Column("reply", Text),
    words("state", "pending"),
    *lease_parts(),
    Column("message_id", Text),
    Column("created_at", Double, nullable=False),
    Column("sent_at", Double),
    Column("received_at", Double),
    UniqueConstraint("key"),
    partial("ix_outbox_live", "platform", "chat", "id", where="state IN ('pending', 'claimed')"),
    partial("ix_outbox_subject", "subject", "id", where="state IN ('pending', 'claimed')"),
    partial("ix_outbox_edits", "subject", "id", where="kind = 'edit_post' AND reply IS NOT NULL"),
    partial(
        "ix_outbox_spent",
        "created_at",
        where="(state = 'superseded' OR (kind IN ('react', 'check_admin') AND state IN ('sent', 'failed')))",
    ),
    partial("ix_outbox_reacted", "subject", "id", where="kind = 'react' AND state = 'sent'"),
    partial("ix_outbox_posted", "chat", "message_id", where="message_id IS NOT NULL"),
    partial("ix_outbox_posts", "chat", "sent_at", where="kind IN ('post', 'document', 'picture')"),
    sqlite_autoincrement=True,
)

chats = Table(
    "chats",
    metadata,
    Column("key", Text, primary_key=True),
    words("platform"),
    words("workspace"),
    words("chat_id"),
    Column("enabled", Boolean, nullable=False),
    words("mode", "suggest"),
    words("language", "en"),
    Column("bots", Boolean, nullable=False, server_default=false()),
    Column("moved_to", Text),
    words("enabled_by"),
    Column("changed_at", Double, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    number(),
    *ref_parts(),
    words("author_id"),  # empty while only an Edit or a Delete of it has been seen
    words("author_name"),
    Column("text", Text),
    Column("revision", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("text_at", Double, nullable=False),
    Column("text_sequence", Id, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("reply_to", Text),
    UniqueConstraint("ref"),
    Index("ix_messages_chat", "chat", "at"),
    Index("ix_messages_author", "platform", "workspace", "author_id"),
    sqlite_autoincrement=True,
)

revisions = Table(  # what a message said before it was edited; its text now stands in `messages`
    "revisions",
    metadata,
    Column("message", Id, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    words("text"),
    Column("until", Double, nullable=False),
)

vectors = Table(
    "vectors",
    metadata,
    Column("message", Id, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("backbone", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("vector", LargeBinary, nullable=False),
)

predictions = Table(
    "predictions",
    metadata,
    number(),
    Column("message", Id, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("version", Id, nullable=False),
    Column("head_revision", Id, nullable=False),
    Column("label", Id),
    Column("probability", Double, nullable=False),
    Column("margin", Double, nullable=False),
    Column("guess", Boolean, nullable=False),
    Column("shown", Boolean, nullable=False),
    Column("at", Double, nullable=False),
    Index("ix_predictions_message", "message", "id"),
)

labels = Table(
    "labels",
    metadata,
    number(),
    words("name"),
    words("folded"),
    words("description"),
    words("emoji"),
    Column("created_at", Double, nullable=False),
    Column("removed_at", Double),
    Column("merged_into", Id),
    partial("uq_labels_folded", "folded", where="removed_at IS NULL", unique=True),
    partial("uq_labels_emoji", "emoji", where="removed_at IS NULL AND emoji <> ''", unique=True),
    sqlite_autoincrement=True,
)

ledger = Table(
    "ledger",
    metadata,
    number(),
    words("key"),
    *ref_parts(),
    words("annotator_id"),
    words("annotator_name"),
    words("emoji"),
    Column("label", Id),
    Column("added", Boolean, nullable=False),
    Column("at", Double, nullable=False),
    Column("sequence", Id, nullable=False),
    words("source"),
    Column("recorded_at", Double, nullable=False),
    UniqueConstraint("key"),
    Index("ix_ledger_ref", "ref"),
    Index("ix_ledger_emoji", "emoji"),
    Index("ix_ledger_label", "label"),
    Index("ix_ledger_annotator", "platform", "workspace", "annotator_id"),
    Index("ix_ledger_chat", "chat"),
)

message_labels = Table(
    "message_labels",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("label", Id),
    Column("votes", Integer, nullable=False),
    Column("disputed", Boolean, nullable=False),
    Column("first_at", Double),  # when somebody first labelled it, by our clock
    Column("foresaw", Boolean, nullable=False),  # whether a prediction had been made by then
    Column("predicted", Id),  # and which label it said
    partial("ix_message_labels_label", "label", where="label IS NOT NULL"),
    partial("ix_message_labels_disputed", "ref", where="disputed"),
)

versions = Table(
    "versions",
    metadata,
    number(),
    words("state"),
    Column("folder", Text),
    words("backbone"),
    words("fingerprint"),
    words("method"),
    words("metrics"),
    Column("parent", Id),
    Column("created_at", Double, nullable=False),
    Column("promoted_at", Double),
    words("note"),
    partial("uq_versions_active", "state", where="state = 'active'", unique=True),
    sqlite_autoincrement=True,
)

heads = Table(
    "heads",
    metadata,
    number(),
    Column("version", Id, nullable=False),
    Column("revision", Id, nullable=False),
    Column("ledger", Id, nullable=False),
    Column("examples", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Index("ix_heads_version", "version", "id"),
)

promotions = Table(
    "promotions",
    metadata,
    number(),
    Column("version", Id, nullable=False),
    Column("previous", Id),
    Column("at", Double, nullable=False),
    Column("undone", Boolean, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    number(),
    words("kind"),
    words("state"),
    words("request"),
    Column("token", Integer, nullable=False),
    Column("worker", Text),
    Column("lease_until", Double),
    Column("fraction", Double, nullable=False),
    words("stage"),
    Column("cancel", Boolean, nullable=False),
    Column("error", Text),
    Column("result", Text),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    partial("uq_jobs_live", "kind", where="state IN ('queued', 'running')", unique=True),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    number(),
    Column("at", Double, nullable=False),
    words("actor_id"),
    words("actor_name"),
    words("platform"),
    words("workspace"),
    words("chat_id"),
    words("verb"),
    words("arguments"),
    words("outcome"),
)

questions = Table(
    "questions",
    metadata,
    number(),
    *ref_parts(),
    Column("message", Id, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    words("post"),
    words("state"),
    Column("asked_at", Double, nullable=False),
    Index("ix_questions_message", "message"),
    sqlite_autoincrement=True,
)

confirmations = Table(
    "confirmations",
    metadata,
    number(),
    words("command"),
    Column("held_at", Double, nullable=False),
    sqlite_autoincrement=True,
)

installations = Table(  # the workspaces that installed the bot; `data` holds their tokens and is never logged
    "installations",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("workspace", Text, primary_key=True),
    words("name"),
    words("data"),
    Column("installed_at", Double, nullable=False),
    Column("revoked_at", Double),
)

oauth_states = Table(
    "oauth_states",
    metadata,
    Column("state", Text, primary_key=True),
    Column("expires_at", Double, nullable=False),
)

leases = Table(  # what only one process may do at a time, such as asking Telegram for updates
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    words("holder"),
    Column("token", Id, nullable=False),
    Column("until", Double, nullable=False),
)

heartbeats = Table(  # signs of life of workers, by role and process
    "heartbeats",
    metadata,
    Column("process", Text, primary_key=True),
    words("role"),
    Column("at", Double, nullable=False),
)
