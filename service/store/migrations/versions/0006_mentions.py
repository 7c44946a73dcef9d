"""What scope needs of references has a table of its own; else only those of search parameters stay.

Processes of the previous release may run beside this one. What they write is recorded by a trigger, and the
rows by which they see the directory are left to them: a later migration takes both away.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DIRECTORY = "('Location', 'Organization', 'Practitioner', 'PractitionerRole')"
FILL = """
INSERT INTO mention (owner, view, target_type, target_id, client)
SELECT r.owner, r.view, f.target_type, f.target_id, max(r.client)
FROM search_reference f JOIN resource r ON r.view = f.view AND r.type = f.type AND r.id = f.id
WHERE f.parameter = '*' AND NOT EXISTS (
  SELECT 1 FROM resource o
  WHERE o.view = f.view AND o.type = f.target_type AND o.id = f.target_id AND o.owner = r.owner
)
GROUP BY r.owner, r.view, f.target_type, f.target_id
"""
ADD = """
INSERT INTO mention (owner, view, target_type, target_id, client)
SELECT owner, view, NEW.target_type, NEW.target_id, client FROM resource
WHERE view = NEW.view AND type = NEW.type AND id = NEW.id ON CONFLICT DO NOTHING;
"""
FUNCTION = f"CREATE FUNCTION mention() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {ADD} RETURN NULL; END $$"
WHEN = f"WHEN (NEW.parameter = '*' AND NEW.target_type IN {DIRECTORY})"


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "mention",
        sa.Column("owner", sa.String(36), primary_key=True),
        sa.Column("view", sa.String(50), primary_key=True),
        sa.Column("target_type", sa.String(40), primary_key=True),
        sa.Column("target_id", sa.String(64), primary_key=True),
        sa.Column("client", sa.String(36)),
    )
    if on_postgresql:
        # there may be very many rows; who writes waits for them
        op.execute("SET LOCAL statement_timeout = 0")
        op.execute(FUNCTION)
        called = "EXECUTE FUNCTION mention()"
    else:
        called = f"BEGIN {ADD} END"
    op.execute(f"CREATE TRIGGER mention AFTER INSERT ON search_reference FOR EACH ROW {WHEN} {called}")
    op.execute(FILL)
    op.create_index("mention_target", "mention", ["target_id", "target_type", "view", "client"])
    op.execute(f"DELETE FROM search_reference WHERE parameter = '*' AND target_type NOT IN {DIRECTORY}")  # noqa: S608
