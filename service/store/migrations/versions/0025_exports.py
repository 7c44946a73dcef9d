"""Bulk exports: their parts, whose clients were whose when, and of whom what is erased was.

A tick is found by its instant from now on; to make the index reads all ticks once.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "export",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("partner", sa.String(100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("row", sa.BigInteger, nullable=False),
        sa.Column("gaps", sa.Text, nullable=False),
        sa.Column("since_row", sa.BigInteger),
        sa.Column("roster", sa.String(64), nullable=False),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("stage", sa.Integer, nullable=False, server_default="0"),
        sa.Column("after", sa.String(64), nullable=False, server_default=""),
        sa.Column("finished", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("over", sa.Boolean, nullable=False, server_default=sa.text("false")),
    )
    op.create_index("export_partner", "export", ["partner", "at"])
    op.create_table(
        "export_part",
        sa.Column("export", sa.String(36), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("first", sa.String(64), nullable=False),
        sa.Column("last", sa.String(64), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
    )
    op.create_table(
        "export_member",
        sa.Column("roster", sa.String(64), primary_key=True),
        sa.Column("client", sa.String(36), primary_key=True),
        sa.Column("joined", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("left", sa.DateTime(timezone=True)),
        sa.Column("refused", sa.BigInteger, nullable=False),
    )
    op.add_column("tombstone", sa.Column("client", sa.String(36)))
    op.add_column("tombstone", sa.Column("source", sa.String(100)))
    op.add_column("tombstone", sa.Column("labels", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("tick_at", "tick", ["stream", "at"])
