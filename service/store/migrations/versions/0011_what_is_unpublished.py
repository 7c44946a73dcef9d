"""What is still to publish is listed in a narrow table: to mark a message rewrites its row no more.

It takes over what is pending or parked, by the indexes of those: its time grows with what is behind, not with
the outbox. What a relay of the release before numbers afterwards, the next leader lists: `listed` says how
far the list goes. If one of the release before leads once more, it sends again, with the same ids, what was
published since, and finds its place by reading: to it all is pending that is not marked in its row.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COUNT = "INSERT INTO counter SELECT 'listed', coalesce(max(last), 0) FROM counter WHERE name = 'outbox'"
# at once, for what is parked may be released between
FILL = """
INSERT INTO unpublished
SELECT position FROM outbox, counter WHERE name = 'listed' AND position <= last AND state = 'pending'
UNION ALL
SELECT position FROM outbox, counter WHERE name = 'listed' AND position <= last AND state = 'parked'
"""


def upgrade() -> None:
    op.create_table(
        "unpublished", sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False)
    )
    if op.get_bind().dialect.name == "postgresql":
        # all may be behind, when the broker was away
        op.execute("SET LOCAL statement_timeout = 0")
    op.execute(COUNT)
    op.execute(FILL)
    op.drop_index("outbox_pending", "outbox")
