"""Looks through all clients for those who may be two persons, and for two who may be one."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

from service.cases.hospital.received import whole
from service.cases.identity.suspects import Suspect, of_client, of_pair, of_revisions
from service.flows.case.identity.people import numbers
from service.flows.ports import Store
from service.values.access.scope import Scope
from service.values.identifiers.placeholders import names_nobody
from service.values.kept.documents import Document

PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Suspects:
    """The story of a look at everybody; it changes nothing."""

    store: Store
    scope: Scope

    def clients(self) -> Iterator[Document]:
        """Give every client, merged ones too."""
        after = None
        while page := self.store.documents(self.scope, "client", after=after, count=PAGE):
            yield from page
            after = page[-1].uuid

    def of(self, client: Document) -> list[Suspect]:
        """Return what is suspect of one client by itself."""
        revisions = reversed(self.store.revisions(self.scope, client.uuid))
        bodies = [whole("client", revision.own, revision.service.received) for revision in revisions]
        return [
            *of_client(client.uuid, numbers(client), client.service.identifying),
            *of_revisions(client.uuid, bodies),
        ]

    def pairs(self) -> Iterator[Suspect]:
        """Give every two clients who have one number; who was merged into the other is not told of."""
        holders: dict[str, list[tuple[str, list[dict[str, Any]]]]] = defaultdict(list)
        for client in self.clients():
            if client.service.merged_into is None:
                known = numbers(client)
                for value in {number["value"] for number in known}:
                    holders[value].append(
                        (client.uuid, [number for number in known if number["value"] == value])
                    )
        seen = set()
        for several in (holder for value, holder in holders.items() if not names_nobody(value)):
            for one, other in combinations(several, 2):
                suspect = of_pair(one, other)
                if suspect is not None and suspect not in seen:
                    seen.add(suspect)
                    yield suspect
