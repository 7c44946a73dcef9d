"""How far messages were deleted as old: up to the first run of positions that is left, as far as is known."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

PRUNED = """
INSERT INTO counter
SELECT 'pruned', coalesce(min(position) - 1, 0) FROM position_run WHERE stream = 'outbox'
"""


def upgrade() -> None:
    op.execute(PRUNED)
