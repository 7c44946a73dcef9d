"""Which queues are past their depth limits, so that nothing is put in until they are drained."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "held_queue",
        sa.Column("queue", sa.String(255), primary_key=True),
        sa.Column("depth", sa.BigInteger, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
