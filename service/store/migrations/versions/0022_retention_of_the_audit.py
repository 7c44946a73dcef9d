"""What is old in the audit is let go by the day: a seal covers one day, an anchor says which is the first.

Seals of before have no day: they say when they were made, which is no earlier than what they cover.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_seal", sa.Column("day", sa.Date))
    op.add_column("audit_seal", sa.Column("begins", sa.BigInteger))
