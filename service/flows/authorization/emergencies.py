"""A hospital breaks the glass: somebody is opened to it for as long as its token is good, and that is told.

It is on record with its reason, and in a message of its own, before the token is given.
"""

from dataclasses import dataclass
from typing import Final

import structlog

from service.access.client_assertions import B2B_AT
from service.errors import Ungranted
from service.flows.ports import Clock, Store, Unit
from service.flows.projection.events import glass_event
from service.flows.projection.project import Projection
from service.values.access.emergencies import PURPOSE, Emergency
from service.values.access.scope import Partner, Scope
from service.values.audit import AuditEntry, Disclosed, Disclosure, Origin
from service.values.kept.documents import Document

EVERYTHING: Final = Scope(everything=True)
MOST: Final = 10
"""How many clients may be one person: each case system has its own, and merged ones count."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Emergencies:
    """The story of the glass."""

    store: Store
    projection: Projection
    clock: Clock

    def open(self, partner: Partner, emergency: Emergency, origin: Origin) -> tuple[str, ...]:
        """Return the uuids of the clients who have the person's number; it is on record and told.

        Raises:
            Ungranted: nobody has it, or so many that it is no person's.
        """

        def story(unit: Unit) -> tuple[str, ...]:
            opened = _clients(unit, emergency)
            for uuid in opened:
                self._tell(unit, uuid, partner.name)
            unit.audit.record(self._entry(partner, emergency, origin, opened))
            return opened

        opened = self.store.transact(story)
        log.warning("glass_broken", partner=partner.name, clients=len(opened))
        return opened

    def _tell(self, unit: Unit, uuid: str, partner: str) -> None:
        client = unit.documents.lock(EVERYTHING, "client", "", uuid)
        if client is None:
            raise _nobody()
        for view in self.projection.catalogues:
            # what its resources are made of stays what it was
            unit.resources.current(uuid, view)
            number = unit.resources.sequence(uuid, view, 1, unit.resources.basis(uuid, view))
            told = self.projection.envelope.message(
                glass_event(uuid, partner),
                owner=f"client/{uuid}",
                view=view,
                sequence=number,
                at=self.clock(),
            )
            unit.resources.emit([told])

    def _entry(
        self, partner: Partner, emergency: Emergency, origin: Origin, opened: tuple[str, ...]
    ) -> AuditEntry:
        things = tuple(Disclosed(uuid, f"client/{uuid}") for uuid in opened)
        return AuditEntry(
            recorded=self.clock(),
            partner=partner.name,
            address=origin.address,
            purposes=(PURPOSE,),
            status=200,
            correlation=origin.correlation,
            disclosure=Disclosure("emergency-override", things, emergency.reason),
        )


def _clients(unit: Unit, emergency: Emergency) -> tuple[str, ...]:
    """Return the uuids of who has a number, of whom merged ones have become, and of whom they took in."""
    found = unit.documents.find_by_identifiers("client", [(emergency.system, emergency.value)])
    records = [record for holder in found for record in (holder, _become(unit, holder))]
    clients = {uuid for record in records for uuid in (record.uuid, *record.service.absorbed)}
    if not clients:
        raise _nobody()
    if len(clients) > MOST:
        raise Ungranted(
            "invalid_request", f"client_assertion: {B2B_AT}.patient: expected a number of one person"
        )
    return tuple(sorted(clients))


def _become(unit: Unit, client: Document) -> Document:
    while (uuid := client.service.merged_into) is not None:
        successor = unit.documents.find("client", "", uuid)
        assert successor is not None, "who a merged client has become is there as long as the merged one is"
        client = successor
    return client


def _nobody() -> Ungranted:
    return Ungranted("invalid_request", f"client_assertion: {B2B_AT}.patient: nobody here has this number")
