"""Our subscriptions to topics of partners' FHIR servers."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "followed_topic",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("partner", sa.String(60), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("secrets", sa.String(200), nullable=False),
        sa.Column("asked", sa.String(64), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remote", sa.String(64), nullable=False),
        sa.Column("heard", sa.BigInteger, nullable=False),
        sa.Column("taken", sa.BigInteger, nullable=False),
        sa.Column("renew", sa.DateTime(timezone=True)),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(400)),
        sa.UniqueConstraint("partner", "name", name="followed_topic_name"),
    )
