"""What partners sent to have somebody matched is forgotten with whom it is of."""

from collections.abc import Collection

from sqlalchemy import delete, select, tuple_

from service.store import tables as t
from service.store.writing.transaction import Transaction
from service.wire.mentions import names


def forget_submitted(transaction: Transaction, client: str, spelt: Collection[bytes]) -> None:
    """Delete what was sent of a client: who was taken for them, and whoever bears one of their numbers.

    `spelt` are the numbers as they may be spelt.
    """
    c = t.matched_member.c
    transaction.run(delete(t.matched_member).where(c.client == client))
    others = transaction.run(select(c.match, c.number, c.sent).where(c.client == ""))
    named = [(row.match, row.number) for row in others if names(row.sent.encode(), spelt)]
    if named:
        transaction.run(delete(t.matched_member).where(tuple_(c.match, c.number).in_(named)))
