"""The audit: who was told what of whom, what they searched for, and seals over it."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0017"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
PARTITIONED = ("audit", "audit_text", "audit_patient")


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "audit",
        sa.Column("row", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("recorded_on", sa.Date, primary_key=on_postgresql, nullable=False),
        sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
        sa.Column("partner", sa.String(100), nullable=False),
        sa.Column("address", sa.String(45)),
        sa.Column("purposes", sa.Text, nullable=False),
        sa.Column("interaction", sa.String(20), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("correlation", sa.String(64), nullable=False),
        sa.Column("things", sa.Text, nullable=False),
        sa.Column("text_digest", sa.String(64)),
        postgresql_partition_by="RANGE (recorded_on)",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit_text",
        sa.Column("row", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("recorded_on", sa.Date, primary_key=on_postgresql, nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        postgresql_partition_by="RANGE (recorded_on)",
    )
    op.create_table(
        "audit_patient",
        sa.Column("client", sa.String(36), primary_key=True),
        sa.Column("row", sa.BigInteger, primary_key=True),
        sa.Column("recorded_on", sa.Date, primary_key=on_postgresql, nullable=False),
        postgresql_partition_by="RANGE (recorded_on)",
    )
    op.create_table(
        "audit_seal",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("sealed", sa.DateTime(timezone=True), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("late", sa.Text, nullable=False),
        sa.Column("missing", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("dropped_before", sa.Date),
        sa.Column("chain", sa.String(64), nullable=False),
    )
    if on_postgresql:
        for table in PARTITIONED:
            op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
