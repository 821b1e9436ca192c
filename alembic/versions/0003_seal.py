"""One row that each commit renews: a hash over what the chain of events does not cover (`zflow.journal.seal`).

It begins empty, which says nothing: the first commit after the upgrade fills it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table and its row."""
    op.create_table(
        "seal",
        sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.execute("INSERT INTO seal (id, hash) VALUES (1, '')")
