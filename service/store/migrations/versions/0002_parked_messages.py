"""Parked messages are found without reading the whole outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    only = sa.text("state = 'parked'")
    op.create_index("outbox_parked", "outbox", ["position"], sqlite_where=only, postgresql_where=only)
