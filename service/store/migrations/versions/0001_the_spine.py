"""The first schema: documents, resources, search rows, outbox."""

from alembic import op

from service.store.tables import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    bind = op.get_bind()
    metadata.create_all(bind)
    if bind.dialect.name == "postgresql":
        op.execute("CREATE TABLE resource_history_default PARTITION OF resource_history DEFAULT")
