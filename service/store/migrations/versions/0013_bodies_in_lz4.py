"""Bodies that PostgreSQL compresses are compressed with LZ4, where it is built with it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SUPPORTED = "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
BODIES = {
    "document": "body",
    "revision": "body",
    "resource": "body",
    "resource_history": "body",
    "inbox": "raw",
}
# a partition has a setting of its own
PARTITIONS = """
SELECT CAST(relid AS text) FROM pg_partition_tree(CAST(:table AS regclass)) UNION SELECT CAST(:table AS text)
"""


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql" or not connection.execute(sa.text(SUPPORTED)).scalar():
        return
    for table, column in BODIES.items():
        for part in connection.execute(sa.text(PARTITIONS), {"table": table}).scalars().all():
            op.execute(f"ALTER TABLE {part} ALTER COLUMN {column} SET COMPRESSION lz4")
