"""In whose trace a document is projected anew; what a release before queues is in none."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reprojection", sa.Column("traceparent", sa.String(55)))
