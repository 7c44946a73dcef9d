"""What is owed to partners' endpoints; a part of the unit of work."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, bindparam, select, text, update

from service.store import tables as t
from service.store.rows.typed import aware
from service.store.sql.engine import Executor
from service.values.inbound.inbox import Answer, Reply, UndeliveredReply

# who asks again is owed it again
OWE: Final = text(
    "INSERT INTO delivery (entry, partner, url, due) VALUES (:entry, :partner, :url, :due) "
    "ON CONFLICT (entry) DO UPDATE SET url = excluded.url, due = excluded.due, state = 'pending', tries = 0"
).bindparams(bindparam("due", type_=t.delivery.c.due.type))


class SqlDeliveries:
    """`flows.ports.DeliveriesPort` in one transaction."""

    def __init__(self, connection: Executor) -> None:
        """Take the open transaction."""
        self._run = connection.execute

    def owe(self, entry: str, partner: str, url: str, at: datetime) -> None:
        """Let the answer of an entry be owed to an address from an instant on, once more if it was before."""
        self._run(OWE, {"entry": entry, "partner": partner, "url": url, "due": at})

    def next_reply(self, at: datetime, until: datetime) -> Reply | None:
        """Take the reply longest due at an instant; nobody else takes it until the other one."""
        d, i = t.delivery.c, t.inbox.c
        chosen = select(t.delivery).where(d.state == "pending", d.due <= at).order_by(d.due).limit(1)
        row = self._run(chosen.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        answered = self._run(
            select(i.answer_status, i.answer_type, i.answer).where(i.id == row.entry)
        ).first()
        answer = None
        if answered is not None and answered.answer is not None:
            answer = Answer(answered.answer_status, answered.answer_type, bytes(answered.answer))
        self._run(update(t.delivery).where(d.entry == row.entry).values(due=until, tries=row.tries + 1))
        return Reply(row.entry, row.partner, row.url, row.tries + 1, until, answer)

    def settle_reply(self, reply: Reply, reason: str | None = None) -> None:
        """Store that a reply is delivered, or, with a reason, that it never will be."""
        done = {"state": "delivered" if reason is None else "failed", "reason": reason}
        self._run(update(t.delivery).where(self._same(reply)).values(**done))

    def undelivered_replies(self) -> list[UndeliveredReply]:
        """List the replies that are not delivered, those due first at the head."""
        d = t.delivery.c
        columns = (d.entry, d.partner, d.state, d.tries, d.due, d.reason)
        chosen = select(*columns).where(d.state != "delivered").order_by(d.due, d.entry)
        return [
            UndeliveredReply(row.entry, row.partner, row.state, row.tries, aware(row.due), row.reason)
            for row in self._run(chosen)
        ]

    def owe_again(self, entries: Sequence[str], at: datetime) -> None:
        """Let replies that are not delivered be due at an instant, as if they had not been tried."""
        d = t.delivery.c
        left = and_(d.state != "delivered", d.entry.in_(entries))
        self._run(update(t.delivery).where(left).values(state="pending", due=at, tries=0))

    def put_off_reply(self, reply: Reply, reason: str, until: datetime) -> None:
        """Let a reply wait that was not taken, and with it what is owed to the same address."""
        d = t.delivery.c
        self._run(update(t.delivery).where(self._same(reply)).values(due=until, reason=reason))
        others = and_(d.state == "pending", d.url == reply.url, d.due < until, d.entry != reply.entry)
        self._run(update(t.delivery).where(others).values(due=until))

    def _same(self, reply: Reply) -> ColumnElement[bool]:
        d = t.delivery.c
        return and_(d.entry == reply.entry, d.due == reply.due)
