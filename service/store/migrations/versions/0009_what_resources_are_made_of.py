"""What the resources of an owner are made of, so that what does not change need not be made again."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stream", sa.Column("basis", sa.String(64), nullable=False, server_default=""))
