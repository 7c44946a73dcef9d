"""Exports are cut between clients, and what is of a type is found by them; smaller indexes do for both.

What a resource is compared by is found by it alone: PostgreSQL keeps what is alike in an index once, and a
primary key of all columns took as much as the rows.

What the audit says of a file is long, and is compressed with LZ4 as bodies are, where PostgreSQL has it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

SUPPORTED = "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
# a partition has a setting of its own
PARTITIONS = "SELECT CAST(relid AS text) FROM pg_partition_tree('audit')"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")
    no = sa.text("false")
    op.add_column("export", sa.Column("by_client", sa.Boolean, nullable=False, server_default=no))
    # the release before asks for a client's always with their type, and what is sorted by time and id is
    # sorted by id within each instant
    op.create_index("resource_of_client", "resource", ["view", "type", "client"])
    op.create_index("resource_changed", "resource", ["view", "type", "last_updated"])
    for table in ("search_range", "search_text"):
        op.create_index(f"{table}_resource", table, ["resource"])
    connection = op.get_bind()
    if connection.dialect.name == "postgresql" and connection.execute(sa.text(SUPPORTED)).scalar():
        for part in connection.execute(sa.text(PARTITIONS)).scalars().all():
            op.execute(f"ALTER TABLE {part} ALTER COLUMN things SET COMPRESSION lz4")
    # readers wait for this until the commit, so it comes last
    op.drop_index("resource_client", "resource")
    op.drop_index("resource_updated", "resource")
    if connection.dialect.name == "postgresql":
        for table in ("search_range", "search_text"):
            op.drop_constraint(f"{table}_pkey", table)
