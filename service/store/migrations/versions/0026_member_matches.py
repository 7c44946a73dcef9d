"""Matches of many members: what was sent of each, and who they are taken for."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "member_match",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("partner", sa.String(100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("operation", sa.String(40), nullable=False),
        sa.Column("request", sa.Text, nullable=False),
    )
    op.create_index("member_match_partner", "member_match", ["partner", "at"])
    op.create_table(
        "matched_member",
        sa.Column("match", sa.String(36), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sent", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(20)),
        sa.Column("client", sa.String(36), nullable=False, server_default=""),
        sa.Column("patient", sa.String(64), nullable=False, server_default=""),
    )
    op.create_index("matched_member_client", "matched_member", ["client"])
