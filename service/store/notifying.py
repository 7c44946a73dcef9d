"""Subscriptions as who leads sees them: what of the feed is an event of which, what became of attempts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Engine, Select, bindparam, delete, insert, select, update

from service.store import tables as t
from service.store.relay.leadership import Lease, lead, leading
from service.store.relay.positions import MESSAGE
from service.store.relay.runs import positions_above
from service.store.relay.seen import MANY, seen
from service.store.rows.typed import aware, stored_of
from service.store.scope.condition import Form, form, of_resources, parameters
from service.store.sql.engine import reading
from service.store.subscriptions import row_of, subscription_of
from service.values.access.scope import Scope
from service.values.kept.resources import CURRENT, NumberedMessage, StoredResource
from service.values.subscriptions import Event, Subscription

LEAD: Final = "subscriptions"
Key = tuple[str, str]
_S: Final = t.subscription.c
_E: Final = t.subscription_event.c
_MESSAGES: Final = select(*MESSAGE).where(t.outbox.c.row.in_(bindparam("rows", expanding=True)))
_SETTLED: Final = ("status", "reason", "sent", "due", "told", "tries", "failing")


class SqlNotifying:
    """`flows.ports.subscriptions.NotifyingPort` on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine of the primary."""
        self._engine = engine
        self._lease: Lease | None = None

    def lead(self) -> Lease | None:
        """Take leadership, or return None while another has it."""
        taken = lead(self._engine, LEAD)
        # what is under way from before is fenced off by the former
        self._lease = taken or self._lease
        return taken

    def live(self) -> list[Subscription]:
        """Return those that are not off, of all partners."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(t.subscription).where(_S.status != "off").order_by(_S.id))
            return [subscription_of(row) for row in rows]

    def get(self, id_: str) -> Subscription | None:
        """Return one, whosever it is."""
        with reading(self._engine) as connection:
            row = connection.execute(select(t.subscription).where(_S.id == id_)).first()
            return subscription_of(row) if row is not None else None

    def messages(self, after: int, limit: int) -> tuple[list[NumberedMessage], int]:
        """Return numbered messages above a position, in order, and up to which one these are all."""
        with reading(self._engine) as connection:
            positions = positions_above(connection, "outbox", after, limit)
            rows = connection.execute(_MESSAGES, {"rows": list(positions)}) if positions else ()
            messages = sorted(NumberedMessage(positions[row[0]], *row[1:]) for row in rows)
        return messages, max(positions.values(), default=after)

    def inside(self, scope: Scope, keys: Collection[Key]) -> set[Key]:
        """Return those of resources, by type and id, that are inside a scope as they are now."""
        versions = {(scope.view, *key, CURRENT) for key in keys}
        with reading(self._engine) as connection:
            return {key[1:3] for key in seen(connection, scope, versions)}

    def current(self, scope: Scope, keys: Collection[Key]) -> dict[Key, StoredResource]:
        """Return the same with what they say."""
        wanted, named = sorted(keys), parameters(scope)
        resources: dict[Key, StoredResource] = {}
        with reading(self._engine) as connection:
            for start in range(0, len(wanted), MANY):
                some = wanted[start : start + MANY]
                asked = {"types": sorted({key[0] for key in some}), "ids": sorted({key[1] for key in some})}
                for row in connection.execute(_current(form(scope)), {**named, **asked}):
                    if (row.type, row.id) in some:
                        resources[row.type, row.id] = stored_of(row)
        return resources

    def advance(self, id_: str, since: int, until: int, events: Sequence[Event]) -> None:
        """Number what was found for a subscription between two positions, and go on behind the second.

        Nothing is done where it is not at the first.
        """
        counted = (
            update(t.subscription)
            .where(_S.id == id_, _S.seen == since)
            .values(seen=until, events=_S.events + len(events))
            .returning(_S.events)
        )
        with leading(self._engine, self._lease) as connection:
            last = connection.execute(counted).scalar()
            if last is None:
                return
            rows = [
                {"subscription": id_, "number": number, "at": event.at, "type": event.type}
                | {"id": event.id, "trigger": event.trigger}
                for number, event in enumerate(events, last - len(events) + 1)
            ]
            connection.execute(insert(t.subscription_event).inline(), rows)

    def skip(self, ids: Sequence[str], until: int) -> None:
        """Have subscriptions go on behind a position up to which nothing was found for them."""
        behind = update(t.subscription).where(_S.id.in_(ids), _S.seen < until)
        with leading(self._engine, self._lease) as connection:
            connection.execute(behind.values(seen=until))

    def events(self, id_: str, first: int, last: int | None, limit: int) -> list[Event]:
        """Return events of a subscription, both ends inside, in their order."""
        chosen = select(t.subscription_event).where(_E.subscription == id_, _E.number >= first)
        if last is not None:
            chosen = chosen.where(_E.number <= last)
        with reading(self._engine) as connection:
            rows = connection.execute(chosen.order_by(_E.number).limit(limit))
            return [Event(row.number, aware(row.at), row.type, row.id, row.trigger) for row in rows]

    def settle(self, before: Subscription, after: Subscription) -> None:
        """Keep what became of an attempt, unless the partner has changed the subscription meanwhile.

        Of its progress `seen` and `events` stay as they are; another status makes another version.
        """
        row = row_of(after)
        changed = {name: row[name] for name in _SETTLED}
        if after.status != before.status:
            changed |= {"version": before.version + 1, "updated": after.updated}
        same = (_S.id == before.id, _S.version == before.version)
        with leading(self._engine, self._lease) as connection:
            connection.execute(update(t.subscription).where(*same).values(**changed))

    def forget(self, before: datetime) -> None:
        """Forget events from before an instant."""
        with leading(self._engine, self._lease) as connection:
            connection.execute(delete(t.subscription_event).where(_E.at < before))


@lru_cache(500)
def _current(scope: Form) -> Select[Any]:
    c = t.resource.c
    named = (c.type.in_(bindparam("types", expanding=True)), c.id.in_(bindparam("ids", expanding=True)))
    columns = (c.type, c.id, c.version, c.last_updated, c.body, c.client)
    return select(*columns).where(of_resources(scope, t.resource), *named)
