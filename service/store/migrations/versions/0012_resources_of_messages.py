"""A message's resource is made of the history when it is published; its owner leads to older ones alone.

An erasure must find those that a release before wrote with the resource. All others had an entry in the
index of owners, and a second one when they were numbered. Who writes waits until the new index is made, which
reads the outbox once.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")
    only = sa.text('"full" IS NOT NULL')
    op.create_index("outbox_full", "outbox", ["owner"], sqlite_where=only, postgresql_where=only)
    op.drop_index("outbox_owner", "outbox")
