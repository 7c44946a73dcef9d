"""Tables of who may ask: partners, what signs access tokens, and what was shown for them."""

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, String, Table

from service.store.tables.columns import metadata, stamp

# Partners that are registered while we run; each change has the next number, so the highest tells of all.
partner = Table(
    "partner",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("entry", LargeBinary, nullable=False),
    stamp("changed"),
)
# Keys that we sign tokens with; the private part is encrypted, and gone once the key is retired.
signing_key = Table(
    "signing_key",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kid", String(255), nullable=False),
    Column("public", LargeBinary, nullable=False),
    Column("private", LargeBinary),
    stamp("created"),
    Column("retired", DateTime(timezone=True)),
)
# Client assertions that were taken: none is taken a second time before it is past.
used_assertion = Table(
    "used_assertion",
    metadata,
    Column("issuer", String(100), primary_key=True),
    Column("jti", String(255), primary_key=True),
    stamp("expires"),
    Index("used_assertion_expires", "expires"),
)
