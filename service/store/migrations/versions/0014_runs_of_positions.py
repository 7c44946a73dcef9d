"""Positions stand in runs: to number a message or a version rewrites its row no more.

A run says from which position and which row on how many follow each other. It takes over what is numbered,
which reads the index of positions once, and numbers what waits. From then on a row is written with position
0, by processes of the release before too, so that a leader of that release finds none to number: it publishes
what it had read, and waits to be replaced. What the next leader publishes once more has the same ids and
order. A server of that release shows in its feed what was numbered until then, and reads the whole outbox for
it.

Nobody writes while the last steps run; they take as long as what waits is many.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STREAMS = {"outbox": "outbox", "history": "resource_history"}
# by this one leaders of the releases before wait for each other
NUMBERING = 0x0CA5EB1E
NUMBERED = """
INSERT INTO position_run (stream, position, row, length)
SELECT '{stream}', min(position), min("row"), count(*) FROM (
  SELECT position, "row", sum(begins) OVER (ORDER BY position) AS run FROM (
    SELECT position, "row", CASE WHEN "row" = lag("row") OVER w + 1 AND position = lag(position) OVER w + 1
      THEN 0 ELSE 1 END AS begins
    FROM {table} WHERE position IS NOT NULL WINDOW w AS (ORDER BY position)
  ) AS beginnings
) AS runs GROUP BY run
"""
WAITING = """
INSERT INTO position_run (stream, position, row, length)
SELECT '{stream}', min(position), min("row"), count(*) FROM (
  SELECT "row", row_number() OVER (ORDER BY "row")
    + coalesce((SELECT last FROM counter WHERE name = '{stream}'), 0) AS position
  FROM {table} WHERE position IS NULL
) AS waiting GROUP BY "row" - position
"""
STANDING = """
INSERT INTO numbering (stream, last, row, gaps)
SELECT '{stream}', (SELECT coalesce(max(last), 0) FROM counter WHERE name = '{stream}')
  + (SELECT count(*) FROM {table} WHERE position IS NULL), (SELECT coalesce(max("row"), 0) FROM {table}), '[]'
"""


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "position_run",
        sa.Column("stream", sa.String(40), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("row", sa.BigInteger, nullable=False),
        sa.Column("length", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "numbering",
        sa.Column("stream", sa.String(40), primary_key=True),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("row", sa.BigInteger, nullable=False),
        sa.Column("gaps", sa.Text, nullable=False),
    )
    if on_postgresql:
        op.execute("SET LOCAL statement_timeout = 0")
        op.execute(f"SELECT pg_advisory_xact_lock({NUMBERING})")
    _each(NUMBERED)
    if on_postgresql:
        # in the order in which a change writes them
        op.execute("LOCK TABLE resource_history, outbox IN ACCESS EXCLUSIVE MODE")
        _each("ALTER TABLE {table} ALTER COLUMN position SET DEFAULT 0")
    else:
        _rebuild()
    for statement in (WAITING, STANDING, "UPDATE {table} SET position = 0 WHERE position IS NULL"):
        _each(statement)
    op.drop_index("outbox_position", "outbox")
    op.drop_index("history_position", "resource_history")


def _rebuild() -> None:
    """Make the tables anew: unless told not to, SQLite gives the number of a last row that is gone again."""
    for table in STREAMS.values():
        with op.batch_alter_table(
            table, recreate="always", table_kwargs={"sqlite_autoincrement": True}
        ) as anew:
            anew.alter_column("position", server_default="0")


def _each(statement: str) -> None:
    for stream, table in STREAMS.items():
        op.execute(statement.format(stream=stream, table=table))
