"""The inbox: what came in word for word, the sender's keys for it, and what it is about."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "inbox",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("arrived_on", sa.Date, primary_key=on_postgresql, nullable=False),
        sa.Column("arrived", sa.DateTime(timezone=True), nullable=False),
        sa.Column("partner", sa.String(100), nullable=False),
        sa.Column("form", sa.String(20), nullable=False),
        sa.Column("way", sa.String(20), nullable=False),
        sa.Column("media_type", sa.String(200), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("raw", sa.LargeBinary),
        sa.Column("edited", sa.LargeBinary),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False, server_default=""),
        sa.Column("issues", sa.LargeBinary),
        sa.Column("flagged", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("answer_status", sa.Integer),
        sa.Column("answer_type", sa.String(200)),
        sa.Column("answer", sa.LargeBinary),
        sa.Column("replay_of", sa.String(36)),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("due", sa.DateTime(timezone=True)),
        postgresql_partition_by="RANGE (arrived_on)",
    )
    op.create_index("inbox_arrived", "inbox", ["arrived"])
    op.create_index("inbox_replay_of", "inbox", ["replay_of"])
    waiting = sa.text("state = 'quarantined'")
    op.create_index("inbox_quarantined", "inbox", ["due"], sqlite_where=waiting, postgresql_where=waiting)
    if on_postgresql:
        op.execute("CREATE TABLE inbox_default PARTITION OF inbox DEFAULT")
    op.create_table(
        "inbox_key",
        sa.Column("partner", sa.String(100), primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("content", sa.String(64), primary_key=True),
        sa.Column("entry", sa.String(36), nullable=False),
    )
    op.create_index("inbox_key_entry", "inbox_key", ["entry"])
    op.create_table(
        "inbox_subject",
        sa.Column("entry", sa.String(36), primary_key=True),
        sa.Column("subject", sa.String(64), primary_key=True),
    )
    op.create_index("inbox_subject_subject", "inbox_subject", ["subject"])
