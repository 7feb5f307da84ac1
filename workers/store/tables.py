"""The tables, as SQLAlchemy Core sees them. Times are seconds since the epoch; JSON is kept as text."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts rows in INTEGER only; Postgres should not run out at two thousand million.
Id = BigInteger().with_variant(Integer(), "sqlite")


def id_column(name: str = "id") -> Column[int]:
    """Our own number of a row."""
    return Column(name, Id, primary_key=True, autoincrement=True)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the few rows of which `where` is true."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def text_column(name: str, default: str | None = None) -> Column[str]:
    """A text that is always there."""
    return Column(name, Text, nullable=False, server_default=default)


def ref_columns() -> tuple[Column[Any], ...]:
    """The parts of a message's ref, beside `ref` and `chat`, which hold them joined for indexes."""
    return tuple(map(text_column, ("ref", "chat", "platform", "workspace", "chat_id", "message_id")))


def lease_columns() -> tuple[Column[Any], ...]:
    """What a row carries that somebody claims for a while. `attempts` is the fencing token."""
    return (
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("claimed_by", Text),
        Column("lease_until", Double),
        Column("available_at", Double, nullable=False),
        Column("error", Text),
    )


# Spelled out, not bound: both databases use a partial index only where the query says its very words.
INBOX_LIVE = text("inbox.state IN ('new', 'claimed')")
EARLIER = "earlier"
INBOX_EARLIER_CLAIMED = text(f"{EARLIER}.state = 'claimed'")
INBOX_OVER = text("inbox.state IN ('done', 'failed')")
INBOX_FAILED = text("inbox.state = 'failed'")
OUTBOX_LIVE = text("outbox.state IN ('pending', 'claimed')")
OUTBOX_FAILED = text("outbox.state = 'failed'")
OUTBOX_EDITS = text("outbox.kind = 'edit_post' AND outbox.reply IS NOT NULL")
OUTBOX_REACTED = text("outbox.kind = 'react' AND outbox.state = 'sent'")
OUTBOX_SPENT = text(
    "(outbox.state = 'superseded' OR (outbox.kind IN ('react', 'check_admin') AND outbox.state IN ('sent', 'failed')))"
)

counters = Table("counters", metadata, Column("name", Text, primary_key=True), Column("value", Id, nullable=False))

inbox = Table(
    "inbox",
    metadata,
    id_column(),
    text_column("key"),
    text_column("queue"),
    text_column("chat"),
    Column("event", Text),
    text_column("state", "new"),
    *lease_columns(),
    Column("received_at", Double, nullable=False),
    UniqueConstraint("key"),
    partial_index("ix_inbox_live", "queue", "id", where="state IN ('new', 'claimed')"),
    partial_index("ix_inbox_claimed", "queue", "chat", "id", where="state = 'claimed'"),
    partial_index("ix_inbox_over", "received_at", where="state IN ('done', 'failed')"),
    partial_index("ix_inbox_failed", "id", where="state = 'failed'"),
    # A deleted row's number is never given out again.
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    id_column(),
    text_column("key"),
    text_column("platform"),
    text_column("chat"),
    text_column("kind"),
    Column("subject", Text),  # what only the newest reply says: the key of the edited post, the ref of the reaction
    Column("reply", Text),
    text_column("state", "pending"),
    *lease_columns(),
    Column("message_id", Text),
    Column("created_at", Double, nullable=False),
    Column("sent_at", Double),
    Column("received_at", Double),
    UniqueConstraint("key"),
    partial_index("ix_outbox_live", "platform", "chat", "id", where="state IN ('pending', 'claimed')"),
    partial_index("ix_outbox_subject", "subject", "id", where="state IN ('pending', 'claimed')"),
    partial_index("ix_outbox_edits", "subject", "id", where="kind = 'edit_post' AND reply IS NOT NULL"),
    partial_index(
        "ix_outbox_spent",
        "created_at",
        where="(state = 'superseded' OR (kind IN ('react', 'check_admin') AND state IN ('sent', 'failed')))",
    ),
    partial_index("ix_outbox_reacted", "subject", "id", where="kind = 'react' AND state = 'sent'"),
    partial_index("ix_outbox_posted", "chat", "message_id", where="message_id IS NOT NULL"),
    partial_index("ix_outbox_failed", "id", where="state = 'failed'"),
    partial_index("ix_outbox_posts", "chat", "sent_at", where="kind IN ('post', 'document', 'picture')"),
    sqlite_autoincrement=True,
)

chats = Table(
    "chats",
    metadata,
    Column("key", Text, primary_key=True),
    text_column("platform"),
    text_column("workspace"),
    text_column("chat_id"),
    Column("enabled", Boolean, nullable=False),
    text_column("mode", "suggest"),
    text_column("language", "en"),
    Column("bots", Boolean, nullable=False, server_default=false()),
    Column("moved_to", Text),
    text_column("enabled_by"),
    Column("changed_at", Double, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    id_column(),
    *ref_columns(),
    text_column("author_id"),  # empty while only an Edit or a Delete of it has been seen
    text_column("author_name"),
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
    text_column("text"),
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
    id_column(),
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
    id_column(),
    text_column("name"),
    text_column("folded"),
    text_column("description"),
    text_column("emoji"),
    Column("created_at", Double, nullable=False),
    Column("removed_at", Double),
    Column("merged_into", Id),
    Column("examples", Id, nullable=False, server_default="0"),  # messages that it can be learned from (tallies.py)
    partial_index("uq_labels_folded", "folded", where="removed_at IS NULL", unique=True),
    partial_index("uq_labels_emoji", "emoji", where="removed_at IS NULL AND emoji <> ''", unique=True),
    sqlite_autoincrement=True,
)

ledger = Table(
    "ledger",
    metadata,
    id_column(),
    text_column("key"),
    *ref_columns(),
    text_column("annotator_id"),
    text_column("annotator_name"),
    text_column("emoji"),
    Column("label", Id),
    Column("added", Boolean, nullable=False),
    Column("at", Double, nullable=False),
    Column("sequence", Id, nullable=False),
    text_column("source"),
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
    # The revision of the labels at which this row, or the text of its message, last changed.
    Column("changed", Id, nullable=False, server_default="0"),
    Index("ix_message_labels_changed", "changed"),
    partial_index("ix_message_labels_label", "label", where="label IS NOT NULL"),
    partial_index("ix_message_labels_disputed", "ref", where="disputed"),
)

versions = Table(
    "versions",
    metadata,
    id_column(),
    text_column("state"),
    Column("folder", Text),
    text_column("backbone"),
    text_column("fingerprint"),
    text_column("method"),
    text_column("metrics"),
    Column("parent", Id),
    Column("created_at", Double, nullable=False),
    Column("promoted_at", Double),
    text_column("note"),
    Column("reader", Text),
    partial_index("uq_versions_active", "state", where="state = 'active'", unique=True),
    sqlite_autoincrement=True,
)

heads = Table(
    "heads",
    metadata,
    id_column(),
    Column("version", Id, nullable=False),
    Column("revision", Id, nullable=False),
    Column("ledger", Id, nullable=False),
    Column("examples", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Index("ix_heads_version", "version", "id"),
)

served_heads = Table(  # what a version served last, so that it begins with it
    "served_heads",
    metadata,
    Column("version", Id, primary_key=True, autoincrement=False),
    text_column("fingerprint"),
    text_column("settings"),
    Column("tensors", LargeBinary),
    Column("at", Double, nullable=False),
)

promotions = Table(
    "promotions",
    metadata,
    id_column(),
    Column("version", Id, nullable=False),
    Column("previous", Id),
    Column("at", Double, nullable=False),
    Column("undone", Boolean, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    id_column(),
    text_column("kind"),
    text_column("state"),
    text_column("request"),
    Column("token", Integer, nullable=False),
    Column("worker", Text),
    Column("lease_until", Double),
    Column("fraction", Double, nullable=False),
    text_column("stage"),
    Column("cancel", Boolean, nullable=False),
    Column("error", Text),
    Column("result", Text),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    # One job of a kind at a time, whoever asks.
    partial_index("uq_jobs_live", "kind", where="state IN ('queued', 'running')", unique=True),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    id_column(),
    Column("at", Double, nullable=False),
    text_column("actor_id"),
    text_column("actor_name"),
    text_column("platform"),
    text_column("workspace"),
    text_column("chat_id"),
    text_column("verb"),
    text_column("arguments"),
    text_column("outcome"),
)

questions = Table(
    "questions",
    metadata,
    id_column(),
    *ref_columns(),
    Column("message", Id, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    text_column("post"),
    text_column("state"),
    Column("asked_at", Double, nullable=False),
    Index("ix_questions_message", "message"),
    sqlite_autoincrement=True,
)

confirmations = Table(
    "confirmations",
    metadata,
    id_column(),
    text_column("command"),
    Column("held_at", Double, nullable=False),
    sqlite_autoincrement=True,
)

installations = Table(  # the workspaces that installed the bot; `data` holds their tokens and is never logged
    "installations",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("workspace", Text, primary_key=True),
    text_column("name"),
    text_column("data"),
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
    text_column("holder"),
    Column("token", Id, nullable=False),
    Column("until", Double, nullable=False),
)

heartbeats = Table(  # signs of life of workers, by role and process
    "heartbeats",
    metadata,
    Column("process", Text, primary_key=True),
    text_column("role"),
    Column("at", Double, nullable=False),
)
