"""What was pruned: a row for each stretch of removed events, and one row with their sum for the seal.

An event can be deleted only where such a stretch covers it (`zflow.journal.pruning`). The schema is part of the seal,
which therefore begins empty again: the first commit after the upgrade fills it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create both tables, and let events be deleted that are accounted for."""
    op.create_table(
        "gap",
        sa.Column("last", sa.Integer, primary_key=True),
        sa.Column("first", sa.Integer, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_table(
        "past",
        sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True),
        sa.Column("pruned", sa.Integer, nullable=False),
        sa.Column("gaps", sa.Text, nullable=False),
    )
    op.execute("INSERT INTO past (id, pruned, gaps) VALUES (1, 0, '')")
    op.execute("DROP TRIGGER event_is_kept")
    op.execute("""
        CREATE TRIGGER event_is_kept BEFORE DELETE ON event
        WHEN coalesce((SELECT first FROM gap WHERE last >= old.seq ORDER BY last LIMIT 1), old.seq + 1) > old.seq
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
    """)
    op.execute("UPDATE seal SET hash = ''")
