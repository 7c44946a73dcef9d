"""Tables of the audit: who was told what of whom, and the seals that show whether it was changed.

`audit`, `audit_text` and `audit_patient` are partitioned by `recorded_on` on PostgreSQL. Into `audit` and
`audit_seal` rows are only added; the service's own role needs no right to change one.
"""

from sqlalchemy import BigInteger, Column, Date, Integer, String, Table, Text

from service.store.tables.columns import SERIAL, metadata, stamp

# A request that was answered with data, or denied; nothing in it names a person.
audit = Table(
    "audit",
    metadata,
    Column("row", SERIAL, primary_key=True, autoincrement=True),
    Column("recorded_on", Date, nullable=False),
    stamp("recorded"),
    Column("partner", String(100), nullable=False),
    Column("address", String(45)),
    Column("purposes", Text, nullable=False),
    Column("interaction", String(20), nullable=False),
    Column("status", Integer, nullable=False),
    Column("correlation", String(64), nullable=False),
    # JSON: by the uuid of each client, or '', what of it was told
    Column("things", Text, nullable=False),
    # SHA-256 of salt and text in `audit_text`
    Column("text_digest", String(64)),
    sqlite_autoincrement=True,
)
# What was searched for, as it was asked: it may name a person, and is erased with them.
audit_text = Table(
    "audit_text",
    metadata,
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    Column("recorded_on", Date, nullable=False),
    Column("salt", String(32), nullable=False),
    Column("text", Text, nullable=False),
)
# Which sealed rows tell of a client.
audit_patient = Table(
    "audit_patient",
    metadata,
    Column("client", String(36), primary_key=True),
    Column("row", BigInteger, primary_key=True),
    Column("recorded_on", Date, nullable=False),
)
# A batch of rows, by what they say: those after the `last` of the seal before up to its own, but for the
# `missing`, and the `late` ones, which were missing before. `chain` digests this and the seal before.
audit_seal = Table(
    "audit_seal",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    stamp("sealed"),
    Column("position", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("late", Text, nullable=False),
    Column("missing", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    # rows recorded before that day were let go; such a seal covers none
    Column("dropped_before", Date),
    # the day on which all that it covers was recorded
    Column("day", Date),
    # with `dropped_before`: the seal that the chain begins after, whose `chain` is this one's `digest`
    Column("begins", BigInteger),
    Column("chain", String(64), nullable=False),
)
