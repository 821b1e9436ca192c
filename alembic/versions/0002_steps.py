"""The list of steps as last walked, and the view that derives each one's status from the events.

The list lets `zflow status` show what is still to come without loading the states; the view is asked by the writer and
by the light reader alike, so the two cannot disagree.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SETTLING = "('done', 'satisfied', 'recovered', 'lost', 'reset')"


def upgrade() -> None:
    """Create the table, an index for the last settling event of a step, and the view."""
    op.create_table(
        "step",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("weight", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(f"CREATE INDEX event_settling ON event (step, seq) WHERE kind IN {SETTLING}")
    op.execute("CREATE INDEX event_failed ON event (step, seq) WHERE kind = 'failed'")
    op.execute("CREATE INDEX event_gave_up ON event (step, seq) WHERE kind = 'gave-up'")
    op.execute(f"""
        CREATE VIEW step_status AS
        SELECT step.name, step.position, step.state, step.title, step.scope, step.weight,
               last.seq AS last_seq, last.kind AS last_kind, last.at AS last_at, last.boot AS last_boot,
               last.attempt AS attempt, last.code AS code, last.class AS class, last.detail AS detail,
               last.next_try AS next_try,
               settled.kind AS settled_kind, settled.key AS settled_key, settled.evidence AS evidence,
               settled.at AS settled_at, settled.boot AS settled_boot, settled.duration AS duration,
               (SELECT count(*) FROM event AS failure
                 WHERE failure.step = step.name AND failure.kind = 'failed'
                   AND failure.seq > max(coalesce(settled.seq, 0), coalesce(
                       (SELECT max(seq) FROM event WHERE event.step = step.name AND kind = 'gave-up'), 0))
               ) AS failures
          FROM step
          LEFT JOIN event AS last
            ON last.seq = (SELECT max(seq) FROM event WHERE event.step = step.name)
          LEFT JOIN event AS settled
            ON settled.seq = (SELECT max(seq) FROM event WHERE event.step = step.name AND kind IN {SETTLING})
    """)
