"""Messages are made ready for the queues that they go to: kept from who may not see them, and recorded.

What goes out with the resource itself is a disclosure like an answer: it is on record before it is published,
a row for each queue and batch. Without a record nothing goes out.
"""

from collections.abc import Iterable, Iterator

from service.publish.copies.coverage import Coverage
from service.publish.copies.readers import UNREADABLE, Reader, has_group, needed, version_of
from service.publish.copies.resources import with_resources
from service.publish.ports import Outbox, Record
from service.values.audit import Disclosed
from service.values.kept.resources import NumberedMessage, VersionKey


class Preparation:
    """Makes messages ready that are read of the outbox."""

    def __init__(self, outbox: Outbox, coverage: Coverage, record: Record) -> None:
        """Take the outbox, who is to get what, and what records it."""
        self._outbox, self._coverage, self._record = outbox, coverage, record

    def first(self, rows: Iterable[NumberedMessage]) -> list[NumberedMessage]:
        """Return messages that are published for the first time, what they disclose on record."""
        ready = self.again(rows)
        self._record_all(ready)
        return ready

    def again(self, rows: Iterable[NumberedMessage]) -> list[NumberedMessage]:
        """Return messages that a queue is owed: on record since they were first read."""
        return with_resources(self._with_excluded(list(rows)), self._coverage, self._outbox)

    def _with_excluded(self, rows: list[NumberedMessage]) -> list[NumberedMessage]:
        """Return the messages with the queues of those that may not see what they tell of."""
        kept: dict[int, set[str]] = {}
        asked: dict[Reader, dict[tuple[int, str], frozenset[VersionKey]]] = {}
        for row in rows:
            narrowed = self._coverage.narrowed(row.view, row.routing_key)
            if not narrowed:
                continue
            try:
                needs = needed(row)
            except UNREADABLE:
                kept[row.position] = {queue for queue, _ in narrowed}
                continue
            kept[row.position] = {queue for queue, reader in narrowed if not reader.may_hear(row)}
            for queue, reader in narrowed:
                asked.setdefault(reader, {})[row.position, queue] = needs
        for reader, needs_of in asked.items():
            keys = {key for needs in needs_of.values() for key in needs if reader.may_read(key)}
            seen = self._outbox.seen(reader.scope, keys) if keys else set()
            for (position, queue), needs in needs_of.items():
                if not needs <= seen:
                    kept.setdefault(position, set()).add(queue)
        for position, queue in self._of_other_groups(rows):
            kept.setdefault(position, set()).add(queue)
        return [
            row._replace(kept_from=frozenset(kept[row.position])) if kept.get(row.position) else row
            for row in rows
        ]

    def _of_other_groups(self, rows: Iterable[NumberedMessage]) -> Iterator[tuple[int, str]]:
        """Give positions of messages with queues that are for other targeted groups than they are of."""
        if not self._coverage.groups:
            return
        grouped = {
            row: queues
            for row in rows
            if has_group(row) and (queues := self._coverage.grouped(row.view, row.routing_key))
        }
        groups_of = self._outbox.groups({row.owner for row in grouped})
        for row, queues in grouped.items():
            for queue, groups in queues.items():
                if groups.isdisjoint(groups_of.get(row.owner, ())):
                    yield row.position, queue

    def _record_all(self, rows: Iterable[NumberedMessage]) -> None:
        told: dict[str, list[Disclosed]] = {}
        for row in rows:
            if row.full is None or row.flaw:
                continue
            for route in self._coverage.routes(row):
                if route.full and (key := version_of(row)) is not None:
                    reference = f"{key[1]}/{key[2]}/_history/{key[3]}"
                    told.setdefault(route.queue, []).append(Disclosed(row.client, reference))
        for queue, things in told.items():
            for reader in self._coverage.readers[queue]:
                self._record(reader.name, queue, reader.purposes, tuple(things))
