"""Parked messages are found without reading the whole outbox, and an owner's cost the relay less.

Each row is written three times (told, numbered, marked), so an owner has many equal index entries; making
posting lists of them, and looking for dead ones first, was half of what numbering and marking cost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    only = sa.text("state = 'parked'")
    op.create_index("outbox_parked", "outbox", ["position"], sqlite_where=only, postgresql_where=only)
    op.drop_index("outbox_owner", "outbox")
    op.create_index("outbox_owner", "outbox", ["owner"], postgresql_with={"deduplicate_items": "off"})
