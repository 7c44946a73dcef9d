"""Answers that are owed to partners' endpoints, until they are delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("entry", sa.String(36), primary_key=True),
        sa.Column("partner", sa.String(100), nullable=False),
        sa.Column("url", sa.String(1000), nullable=False),
        sa.Column("state", sa.String(10), nullable=False, server_default="pending"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("reason", sa.String(400)),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
    )
    waiting = sa.text("state = 'pending'")
    op.create_index("delivery_pending", "delivery", ["due"], sqlite_where=waiting, postgresql_where=waiting)
