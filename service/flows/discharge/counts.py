"""How often each field came that nothing reads: what is in the inbox is read with today's mappings."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NamedTuple

from service.errors import CasebridgeError
from service.flows.discharge.receive import Understand
from service.flows.ports import Store
from service.values.access.scope import Partner
from service.values.inbound.inbox import Entry

PAGE: Final = 500
# of what was ignored nothing was to be used, and a replay has an entry of its own
_COUNTED: Final = frozenset({"accepted", "quarantined"})


class Counted(NamedTuple):
    """In how many messages of a partner, of how many of that form, a field was told that nothing reads."""

    partner: str
    form: str
    field: str
    messages: int
    of: int


@dataclass(slots=True)
class Counts:
    """What was found so far; `unread` is of how many messages nothing can be said."""

    messages: Counter[tuple[str, str]] = field(default_factory=Counter)
    fields: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    unread: int = 0

    def table(self) -> list[Counted]:
        """Return the counts by partner and form, the most frequent first."""
        rows = [Counted(*key, count, self.messages[key[:2]]) for key, count in self.fields.items()]
        return sorted(rows, key=lambda row: (row.partner, row.form, -row.messages, row.field))


@dataclass(frozen=True, slots=True)
class FieldCounts:
    """The story of counting; `forms` understand messages by `InboundMessage.form`, `partners` are by name."""

    store: Store
    forms: Mapping[str, Understand]
    partners: Mapping[str, Partner]

    def countable_entries(self, partner: str | None = None, since: datetime | None = None) -> list[str]:
        """Return the ids of the entries that may be counted, as they arrived."""
        ids: list[str] = []
        after = None
        while page := self._page(partner, after):
            ids += [entry.id for entry in page if _is_counted(entry, since)]
            after = page[-1].id
        return ids

    def count(self, ids: list[str], counts: Counts) -> Iterator[str]:
        """Read each entry and add what it has to `counts`; give its id on."""
        for id_ in ids:
            self._add(id_, counts)
            yield id_

    def _page(self, partner: str | None, after: str | None) -> list[Entry]:
        return self.store.look(lambda unit: unit.inbox.entries(partner=partner, after=after, count=PAGE))

    def _add(self, id_: str, counts: Counts) -> None:
        entry = self.store.look(lambda unit: unit.inbox.entry(id_))
        raw = entry and (entry.edited or entry.inbound.raw)
        if entry is None or not raw:
            return
        partner, inbound = self.partners.get(entry.partner), replace(entry.inbound, raw=raw)
        if partner is None:
            counts.unread += 1
            return
        try:
            understood = self.forms[inbound.form](partner, inbound)
        except CasebridgeError:
            counts.unread += 1
            return
        counts.messages[entry.partner, inbound.form] += 1
        counts.fields.update((entry.partner, inbound.form, unread.field) for unread in understood.unused)


def _is_counted(entry: Entry, since: datetime | None) -> bool:
    return entry.state in _COUNTED and (since is None or entry.arrived >= since)
