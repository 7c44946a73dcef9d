"""Documents (client, directory entry, case) as the rooms hand them to each other."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

# the part of a stored body that is the service's own; no document that comes in has it
SERVICE: Final = "$service"


@dataclass(frozen=True, slots=True)
class Document:
    """The current revision of a document.

    `uuid` is ours; (`source`, `source_id`) is the owning system's name for it. `body` is the validated
    JSON document. `client` is the uuid of the client a case belongs to, else None. `projected` names the
    mappings (of all views) that it was last projected with.
    """

    uuid: str
    kind: str
    source: str
    source_id: str
    revision: int
    body: dict[str, Any]
    client: str | None
    created: datetime
    updated: datetime
    projected: str = ""

    @property
    def own(self) -> dict[str, Any]:
        """The document as its owner sent it."""
        return {key: value for key, value in self.body.items() if key != SERVICE}

    @property
    def served(self) -> dict[str, Any]:
        """What the service keeps with it: status history, facts of stays, `received`."""
        found: dict[str, Any] = self.body.get(SERVICE, {})
        return found

    @property
    def received(self) -> dict[str, Any]:
        """What hospitals brought into it, as parts of a document of its kind."""
        found: dict[str, Any] = self.served.get("received", {})
        return found


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a document, with what caused it (`create`, `put`, `patch`, …) and who."""

    revision: int
    cause: str
    partner: str
    recorded: datetime
    body: dict[str, Any]
