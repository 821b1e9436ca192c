"""The append-only events and the one row that says where the walk is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "event",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("boot", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("state", sa.Text),
        sa.Column("step", sa.Text),
        sa.Column("attempt", sa.Integer),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("evidence", sa.Text),
        sa.Column("code", sa.Text),
        sa.Column("class", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("next_try", sa.Float),
        sa.Column("duration", sa.Float),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("event_of_step", "event", ["step", "seq"])
    op.execute(
        "CREATE TRIGGER event_stays BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER event_is_kept BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
    )
    op.create_table(
        "workflow",
        sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("step", sa.Text),
        sa.Column("boot", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("updated", sa.Float, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("remedy", sa.Text),
        sa.Column("next_try", sa.Float),
        sa.Column("version", sa.Text, nullable=False),
    )
