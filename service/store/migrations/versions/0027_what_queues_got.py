"""The last message of each owner that a queue got which does not get all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "queued",
        sa.Column("queue", sa.String(255), primary_key=True),
        sa.Column("owner", sa.String(60), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
