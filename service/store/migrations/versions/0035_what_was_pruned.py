"""How far messages were deleted as old: up to the first run of positions left, to the last if none is."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

PRUNED = """
INSERT INTO counter SELECT 'pruned', coalesce(
  (SELECT min(position) - 1 FROM position_run WHERE stream = 'outbox'), last
) FROM numbering WHERE stream = 'outbox'
"""


def upgrade() -> None:
    op.execute(PRUNED)
