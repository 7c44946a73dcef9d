"""What resources refer to is as sensitive as those that do.

As with the labels of resources, what is stored already gets them by `casebridge mappings apply`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mention", sa.Column("labels", sa.BigInteger, nullable=False, server_default="0"))
