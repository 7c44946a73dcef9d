"""Tables of bulk exports: what was asked, how far it is planned, its parts, and who was in a scope when."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, String, Table, Text
from sqlalchemy import text as sql

from service.store.tables.columns import metadata, stamp

# An export of the state at `at`: of the rows of `resource_history` up to `row`, but for those in `gaps`. One
# that is `over` is past or cancelled; it stays, for a later one goes on from its `at`.
export = Table(
    "export",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("partner", String(100), nullable=False),
    stamp("at"),
    Column("row", BigInteger, nullable=False),
    Column("gaps", Text, nullable=False),
    Column("since_row", BigInteger),
    Column("roster", String(64), nullable=False),
    # JSON: what the kick-off said
    Column("asked", Text, nullable=False),
    Column("stage", Integer, nullable=False, server_default="0"),
    Column("after", String(64), nullable=False, server_default=""),
    Column("finished", Boolean, nullable=False, server_default=sql("false")),
    Column("over", Boolean, nullable=False, server_default=sql("false")),
    # one that is cut between clients is `over` from the start: the release before does not know it
    Column("by_client", Boolean, nullable=False, server_default=sql("false")),
    Index("export_partner", "partner", "at"),
)
export_part = Table(
    "export_part",
    metadata,
    Column("export", String(36), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(10), nullable=False),
    Column("type", String(40), nullable=False),
    Column("first", String(64), nullable=False),
    Column("last", String(64), nullable=False),
    Column("count", Integer, nullable=False),
)
# From when until when a client was in a scope, as the exports of that found it; but for what is labelled with
# one of `refused`, as bits.
export_member = Table(
    "export_member",
    metadata,
    Column("roster", String(64), primary_key=True),
    Column("client", String(36), primary_key=True),
    Column("joined", DateTime(timezone=True), primary_key=True),
    Column("left", DateTime(timezone=True)),
    Column("refused", BigInteger, nullable=False),
)
