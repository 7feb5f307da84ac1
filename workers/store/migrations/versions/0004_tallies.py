"""Counts of messages, and of those that each label can be learned from, which are kept up to date."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from workers.store.sql import advisory_lock

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
USABLE = "NOT m.deleted AND m.text <> '' AND d.label IS NOT NULL AND NOT d.disputed"
JOINED = "message_labels d JOIN messages m ON m.ref = d.ref"
COUNTS = {
    "messages": "messages m WHERE NOT m.deleted",
    "disputed": f"{JOINED} WHERE NOT m.deleted AND d.disputed",
    "tested": f"{JOINED} WHERE {USABLE} AND d.foresaw",
}


def upgrade() -> None:
    """Add a column, and count what is there."""
    # An older program may still be writing a message, which would be neither counted nor tallied.
    advisory_lock(op.get_bind(), "labels")
    op.add_column("labels", sa.Column("examples", ID, server_default="0", nullable=False))
    for name, rows in COUNTS.items():
        op.execute(f"INSERT INTO counters (name, value) SELECT '{name}', count(*) FROM {rows}")
    by_label = f"SELECT d.label, count(*) AS number FROM {JOINED} WHERE {USABLE} GROUP BY d.label"
    op.execute(f"UPDATE labels SET examples = n.number FROM ({by_label}) AS n WHERE n.label = labels.id")
