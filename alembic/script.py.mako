"""${message}"""

from __future__ import annotations

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the journal to this revision."""


def downgrade() -> None:
    """There is no way back: an older zflow refuses this journal, and a copy from before is kept."""
    raise NotImplementedError
