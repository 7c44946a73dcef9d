"""What is on record is read: as AuditEvents, and as a client's accounting of disclosures."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from service.errors import NotFound
from service.flows.case.documents import Documents
from service.flows.ports.audit import AuditReadPort
from service.values.access.scope import Scope
from service.values.audit import AuditQuery, RecordedEntry
from service.values.kept.documents import Document
from service.wire.fhir.audit_event import AuditEvents

Event = tuple[str | None, dict[str, Any]]
Place = tuple[int, int]
"""The row of an entry, and which of its events it is."""
_ID: Final = re.compile(r"([0-9]{1,18})-[0-9]{1,9}")
BATCH: Final = 64
"""How many entries are read at a time."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The story of who reads the audit."""

    audit: AuditReadPort
    events: AuditEvents
    documents: Documents

    def search(self, query: AuditQuery, patient: str | None) -> tuple[list[Event], Place | None]:
        """Return as many AuditEvents as are asked for, each with its client's uuid, and the next one's place.

        `patient` is the id of a Patient: of an entry that tells of several, their event alone is given.
        """
        if patient is not None:
            client = self.audit.client_of_patient(patient)
            if client is None:
                return [], None
            query = replace(query, client=client)
        found = list(islice(self._events(query), query.count + 1))
        shown, further = found[: query.count], found[query.count :]
        return [event for _, event in shown], further[0][0] if further else None

    def _events(self, query: AuditQuery) -> Iterator[tuple[Place, Event]]:
        """Give the events that are asked for, each with its place: an entry may make thousands."""
        for entry in self._entries(query):
            first = query.first if entry.row + 1 == query.below else 0
            for number, event in enumerate(self.events.of(entry)):
                if number >= first and _is_asked_for(query, entry, event[0]):
                    yield (entry.row, number), event

    def _entries(self, query: AuditQuery) -> Iterator[RecordedEntry]:
        """Give the entries that are asked for, a few at a time, for each may be large."""
        query = replace(query, count=BATCH)
        while some := self.audit.entries(query):
            yield from some
            if len(some) < BATCH:
                return
            query = replace(query, below=some[-1].row)

    def read(self, id_: str) -> Event:
        """Return an AuditEvent; raises NotFound."""
        named = _ID.fullmatch(id_)
        if named is not None:
            for entry in self.audit.entries(AuditQuery(row=int(named[1]), count=1)):
                for client, event in self.events.of(entry):
                    if event["id"] == id_:
                        return client, event
        raise NotFound("There is no such AuditEvent.")

    def disclosures(
        self, scope: Scope, partner: str, ref: str, below: int | None, count: int
    ) -> tuple[Document, list[RecordedEntry], int | None]:
        """Return a client that a partner owns, who was told of it, the newest first, and where to go on.

        Raises:
            NotFound: there is no such client in the scope.
        """
        client = self.documents.get(scope, partner, "client", ref)
        query = AuditQuery(client=client.uuid, below=below, count=count + 1)
        entries, more = _page(self.audit.entries(query), count)
        return client, entries, more


def _is_asked_for(query: AuditQuery, entry: RecordedEntry, client: str | None) -> bool:
    """Tell whether the event of one of an entry's clients is of what is asked for."""
    if query.client not in {None, client}:
        return False
    thing, things = query.thing, entry.things.get(client or "", ())
    return thing is None or any(told == thing or told.startswith(f"{thing}/") for told in things)


def _page(entries: list[RecordedEntry], count: int) -> tuple[list[RecordedEntry], int | None]:
    """Return so many entries, and the row to go on below where there are more."""
    shown = entries[:count]
    return shown, shown[-1].row if len(entries) > count and shown else None
