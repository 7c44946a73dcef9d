"""Tables of matches of many members: what was sent of each, and who they are taken for."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from service.store.tables.columns import metadata, stamp

# What is sent of people is kept as long as their Group is there, and not longer.
member_match = Table(
    "member_match",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("partner", String(100), nullable=False),
    stamp("at"),
    Column("operation", String(40), nullable=False),
    Column("request", Text, nullable=False),
    Index("member_match_partner", "partner", "at"),
)
matched_member = Table(
    "matched_member",
    metadata,
    Column("match", String(36), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    # JSON: the resources that were sent, by the names of the parameters
    Column("sent", Text, nullable=False),
    # NULL as long as nobody has looked
    Column("outcome", String(20)),
    Column("client", String(36), nullable=False, server_default=""),
    Column("patient", String(64), nullable=False, server_default=""),
    Index("matched_member_client", "client"),
)
