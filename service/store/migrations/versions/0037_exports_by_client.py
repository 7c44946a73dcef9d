"""Exports are cut between clients, and what is of a type is found by them; smaller indexes do for both."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")
    no = sa.text("false")
    op.add_column("export", sa.Column("by_client", sa.Boolean, nullable=False, server_default=no))
    # the release before asks for a client's always with their type, and what is sorted by time and id is
    # sorted by id within each instant
    op.create_index("resource_of_client", "resource", ["view", "type", "client"])
    op.create_index("resource_changed", "resource", ["view", "type", "last_updated"])
    # readers wait for this until the commit, so it comes last
    op.drop_index("resource_client", "resource")
    op.drop_index("resource_updated", "resource")
