"""Who leads is a row, with a number that fences off those before it.

A leader of the release before has an advisory lock instead: neither keeps the other out. Both number in one
transaction on the row of `numbering`, so what they publish twice has the same ids and order.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("holder", sa.String(300), nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
    )
