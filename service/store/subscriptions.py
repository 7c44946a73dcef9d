"""Subscriptions as they are kept: what partners made of them, how far each is told, and its events."""

from collections.abc import Container
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Row, delete, insert, select, update

from service.errors import NotFound
from service.store import tables as t
from service.store.rows.typed import aware
from service.store.sql.engine import reading, writing
from service.values.subscriptions import Progress, Subscription
from service.wire.etags import check_if_match
from service.wire.json import dump, reread

_S: Final = t.subscription.c
_E: Final = t.subscription_event.c
_LAST: Final = select(t.numbering.c.last).where(t.numbering.c.stream == "outbox")


class SqlSubscriptions:
    """`flows.ports.subscriptions.SubscriptionsPort` on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine of the primary."""
        self._engine = engine

    def add(self, subscription: Subscription) -> None:
        """Keep a new one."""
        with writing(self._engine) as connection:
            connection.execute(insert(t.subscription).inline(), row_of(subscription))

    def replace(self, subscription: Subscription, versions: Container[int] | None) -> Subscription:
        """Keep what a partner made of its own, as the next version, and return it; its events stay.

        Raises NotFound, or Stale where it is at none of `versions`; None are all. One that was off
        begins with what is numbered from now on.
        """
        mine = _own(subscription.partner, subscription.id)
        columns = ("updated", "status", "body", "headers", "scopes", "purposes", "reason", "due")
        row = row_of(subscription)
        changed = {name: row[name] for name in (*columns, "tries", "failing")}
        with writing(self._engine) as connection:
            former = connection.execute(select(_S.version, _S.status).where(mine).with_for_update()).first()
            if former is None:
                raise NotFound("There is no such subscription of yours.")
            if versions is not None:
                check_if_match(versions, former.version, "Subscription")
            changed["version"] = former.version + 1
            if former.status == "off":
                changed["seen"] = connection.execute(_LAST).scalar_one()
            connection.execute(update(t.subscription).where(mine).values(**changed))
            return subscription_of(connection.execute(select(t.subscription).where(mine)).one())

    def remove(self, partner: str, id_: str) -> None:
        """Forget one of a partner's, with its events; raises NotFound."""
        with writing(self._engine) as connection:
            if not connection.execute(delete(t.subscription).where(_own(partner, id_))).rowcount:
                raise NotFound("There is no such subscription of yours.")
            connection.execute(delete(t.subscription_event).where(_E.subscription == id_))

    def find(self, partner: str, id_: str) -> Subscription | None:
        """Return one of a partner's."""
        return next(iter(self._all(_own(partner, id_))), None)

    def of_partner(self, partner: str) -> list[Subscription]:
        """Return a partner's, by id."""
        return self._all(_S.partner == partner)

    def last_position(self) -> int:
        """Return how far the feed is numbered."""
        with reading(self._engine) as connection:
            return int(connection.execute(_LAST).scalar_one())

    def _all(self, which: ColumnElement[bool]) -> list[Subscription]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(t.subscription).where(which).order_by(_S.id))
            return [subscription_of(row) for row in rows]


def _own(partner: str, id_: str) -> ColumnElement[bool]:
    return (_S.partner == partner) & (_S.id == id_)


def row_of(subscription: Subscription) -> dict[str, Any]:
    """Return the row of a subscription."""
    progress = subscription.progress
    row = {name: getattr(subscription, name) for name in ("id", "partner", "version", "updated", "status")}
    row |= {name: getattr(subscription, name) for name in ("headers", "scopes", "reason")}
    row |= {name: getattr(progress, name) for name in Progress.__slots__}
    return row | {"body": dump(subscription.body).decode(), "purposes": " ".join(subscription.purposes)}


def subscription_of(row: Row[Any]) -> Subscription:
    """Return the subscription of a row."""
    progress = Progress(
        seen=row.seen,
        due=aware(row.due),
        events=row.events,
        sent=row.sent,
        told=aware(row.told) if row.told else None,
        tries=row.tries,
        failing=aware(row.failing) if row.failing else None,
    )
    return Subscription(
        id=row.id,
        partner=row.partner,
        version=row.version,
        updated=aware(row.updated),
        status=row.status,
        body=reread(row.body.encode()),
        headers=bytes(row.headers) if row.headers is not None else None,
        scopes=row.scopes,
        purposes=tuple(row.purposes.split()),
        progress=progress,
        reason=row.reason,
    )
