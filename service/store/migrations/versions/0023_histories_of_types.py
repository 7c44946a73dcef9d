"""Histories of a type and of all types are read newest first, what was erased among them."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")
    op.create_index("history_updated", "resource_history", ["view", "type", "last_updated"])
    op.create_index("tombstone_erased", "tombstone", ["view", "type", "erased"])
