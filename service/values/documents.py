"""Documents (client, directory entry, case) as the rooms hand them to each other."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


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


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a document, with what caused it (`create`, `put`, `patch`, …) and who."""

    revision: int
    cause: str
    partner: str
    recorded: datetime
    body: dict[str, Any]
