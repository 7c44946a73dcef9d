"""What a client denies is kept from whom: of all records of one person together, whichever says it."""

from collections.abc import Iterator
from typing import Any, Final

from service.flows.ports import Unit
from service.flows.projection.refusals import refusals
from service.flows.projection.source import Source
from service.values.access.scope import Scope
from service.values.kept.documents import Document

EVERYTHING: Final = Scope(everything=True)


def deny(unit: Unit, client: Document, opened: dict[str, Any] | None = None) -> None:
    """Store what a client denies, `opened` with its links followed; of who was merged what all of them do.

    So nothing that was denied is seen because two records became one, nor by the record that is left over.
    """
    said = {client.uuid: refusals(opened or _client_roots(unit, client))}
    said |= {other.uuid: refusals(_client_roots(unit, other)) for other in _others(unit, client)}
    every = list(dict.fromkeys(refusal for each in said.values() for refusal in each))
    for uuid in said:
        unit.resources.refusals(uuid, every)


def _client_roots(unit: Unit, client: Document) -> dict[str, Any]:
    root: dict[str, Any] = Source(unit.documents).roots(client)["client"]
    return root


def _others(unit: Unit, client: Document) -> Iterator[Document]:
    """Lock and give all other records of the person, by whom they became and whom they took in."""
    seen, waiting = {client.uuid}, _beside(client)
    while waiting:
        uuid = waiting.pop()
        if uuid in seen:
            continue
        seen.add(uuid)
        other = unit.documents.lock(EVERYTHING, "client", "", uuid)
        if other is not None:
            waiting += _beside(other)
            yield other


def _beside(client: Document) -> list[str]:
    part = client.service
    return [*part.absorbed, *([part.merged_into] if part.merged_into is not None else [])]
