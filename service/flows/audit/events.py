"""What is on record is read: as AuditEvents, and as a client's accounting of disclosures."""

from dataclasses import dataclass, replace
from typing import Any

from service.errors import NotFound
from service.flows.case.documents import Documents
from service.flows.ports.audit import AuditReadPort
from service.values.audit import AuditQuery, RecordedEntry
from service.values.documents import Document
from service.values.scope import Scope
from service.wire.fhir.audit_event import AuditEvents

Event = tuple[str | None, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Audit:
    """The story of who reads the audit."""

    audit: AuditReadPort
    events: AuditEvents
    documents: Documents

    def search(self, query: AuditQuery, patient: str | None) -> tuple[list[Event], int | None]:
        """Return AuditEvents, each with the uuid of its client, and the row to go on below.

        `patient` is the id of a Patient: of an entry that tells of several, their event alone is given.
        """
        if patient is not None:
            client = self.audit.client_of_patient(patient)
            if client is None:
                return [], None
            query = replace(query, client=client)
        entries, below = _page(self.audit.entries(replace(query, count=query.count + 1)), query.count)
        events = [event for entry in entries for event in self.events.of(entry)]
        return [event for event in events if query.client in {None, event[0]}], below

    def read(self, id_: str) -> Event:
        """Return an AuditEvent; raises NotFound."""
        row, _, number = id_.partition("-")
        if row.isdecimal() and number.isdecimal() and len(id_) < 30:
            for entry in self.audit.entries(AuditQuery(row=int(row), count=1)):
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


def _page(entries: list[RecordedEntry], count: int) -> tuple[list[RecordedEntry], int | None]:
    """Return so many entries, and the row to go on below where there are more."""
    shown = entries[:count]
    return shown, shown[-1].row if len(entries) > count and shown else None
