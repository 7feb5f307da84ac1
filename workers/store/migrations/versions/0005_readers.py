"""What reads for a version: ONNX Runtime in 8 or 32 bits, or torch and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column."""
    op.add_column("versions", sa.Column("reader", sa.Text()))
