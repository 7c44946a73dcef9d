"""What search finds resources by: terms beside the resource, ranges and texts in tables of their own.

`casebridge db upgrade` fills them after this, in batches. The tables of before stay for processes of the
release before.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# SQLite has no arrays: a trigger keeps a row for each term
OLD = "SELECT value FROM json_each('[' || old.terms || ']')"
NEW = "SELECT value, new.id FROM json_each('[' || new.terms || ']')"
REMOVE = f"DELETE FROM search_term WHERE id = old.id AND term IN ({OLD});"  # noqa: S608 - all is said here
ADD = f"INSERT OR IGNORE INTO search_term {NEW};"
TERMS = (
    (
        "CREATE TABLE search_term (term BIGINT NOT NULL, id VARCHAR(64) NOT NULL, PRIMARY KEY (term, id))"
        " WITHOUT ROWID"
    ),
    f"CREATE TRIGGER resource_terms_insert AFTER INSERT ON resource BEGIN {ADD} END",
    (
        "CREATE TRIGGER resource_terms_update AFTER UPDATE OF terms ON resource"
        f" WHEN new.terms IS NOT old.terms BEGIN {REMOVE} {ADD} END"
    ),
    f"CREATE TRIGGER resource_terms_delete AFTER DELETE ON resource BEGIN {REMOVE} END",
)


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    terms = sa.ARRAY(sa.BigInteger()) if postgresql else sa.Text()
    for column in (
        sa.Column("terms", terms),
        sa.Column("present", sa.BigInteger()),
        sa.Column("searched", sa.String(24)),
    ):
        op.add_column("resource", column)
    if postgresql:
        op.execute("SET LOCAL statement_timeout = 0")
        # so many kilobytes wait to be put in order, and each search looks through them
        op.create_index(
            "resource_terms",
            "resource",
            ["terms"],
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": "256"},
        )
    else:
        for statement in TERMS:
            op.execute(statement)
    text = sa.String(400, collation="C" if postgresql else None)
    values: dict[str, list[sa.Column[Any]]] = {
        "search_range": [sa.Column("low", sa.Double()), sa.Column("high", sa.Double())],
        "search_text": [sa.Column("value", text)],
    }
    for table, columns in values.items():
        names = [column.name for column in columns]
        op.create_table(
            table,
            sa.Column("resource", sa.BigInteger(), nullable=False),
            sa.Column("key", sa.BigInteger(), nullable=False),
            *columns,
            sa.Column("id", sa.String(64), nullable=False),
            sa.PrimaryKeyConstraint("resource", "key", *names),
        )
        op.create_index(f"{table}_value", table, ["key", *names])
    op.create_table(
        "searched",
        sa.Column("name", sa.String(24), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
