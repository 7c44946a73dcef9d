"""Documents (client, directory entry, case) as the rooms hand them to each other."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.values.kept.service_part import NOTHING, ServicePart, body_of


@dataclass(frozen=True, slots=True)
class Document:
    """The current revision of a document.

    `uuid` is ours; (`source`, `source_id`) is the owning system's name for it. `own` is the document as its
    owner sent it, validated JSON; `service` is what the service keeps with it. `client` is the uuid of the
    client a case belongs to, else None. `projected` names the mappings (of all views) that it was last
    projected with.
    """

    uuid: str
    kind: str
    source: str
    source_id: str
    revision: int
    own: dict[str, Any]
    client: str | None
    created: datetime
    updated: datetime
    projected: str = ""
    service: ServicePart = NOTHING

    @property
    def body(self) -> dict[str, Any]:
        """The document as it is stored."""
        return body_of(self.own, self.service)

    @property
    def received(self) -> dict[str, Any]:
        """What hospitals brought into it, as parts of a document of its kind."""
        return self.service.received


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a document, with what caused it (`create`, `put`, `patch`, …) and who."""

    revision: int
    cause: str
    partner: str
    recorded: datetime
    own: dict[str, Any]
    service: ServicePart = NOTHING
