"""The headers that a message was sent with and that govern its use, for when it is used later."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("if_none_exist", "if_match"):
        op.add_column("inbox", sa.Column(name, sa.Text))
