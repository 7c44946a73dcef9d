"""Resources have security labels in a column, and what clients deny has a table of its own.

What is stored already gets its labels by `casebridge mappings apply`, which projects it anew, as all is that
was projected with other labels; its versions before get them with it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("resource", "resource_history"):
        op.add_column(table, sa.Column("labels", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "consent",
        sa.Column("client", sa.String(36), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("system", sa.String(1000), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("purposes", sa.BigInteger, nullable=False),
        sa.Column("labels", sa.BigInteger, nullable=False),
        sa.Column("start", sa.String(10), nullable=False),
        sa.Column("end", sa.String(10), nullable=False),
    )
