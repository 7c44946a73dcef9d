"""What is recorded of a request: who was told what of whom, or was denied it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from service.values.kept.documents import Document
from service.values.kept.resources import StoredResource

DENIALS: Final = frozenset({401, 403, 404, 410})
"""The statuses that tell a partner it may not, or that there is nothing in its scope."""

# the codes of http://hl7.org/fhir/restful-interaction; `login`: a token was refused; `emergency-override`:
# the glass of clients was broken, for the reason that is the text; `disclose`: a queue was sent resources;
# `retry`, `skip`: an operator decided so about a parked message, for the reason that is the text
Interaction = Literal[
    "read",
    "vread",
    "history-instance",
    "history-type",
    "history-system",
    "search-type",
    "create",
    "update",
    "patch",
    "delete",
    "operation",
    "login",
    "emergency-override",
    "disclose",
    "retry",
    "skip",
]


class Origin(NamedTuple):
    """Where a request comes from, and by which id it is known in logs."""

    address: str | None
    correlation: str


class Disclosed(NamedTuple):
    """A version that stands in an answer, `CarePlan/<id>/_history/3`, and the uuid of the client it is of.

    Documents and entries of the inbox are named by their kind: `case/<uuid>/_history/2`, `inbox/<id>`;
    messages by their positions, `event/1207`.
    """

    client: str | None
    reference: str


class Disclosure(NamedTuple):
    """What an answer discloses; `text` is what was searched for."""

    interaction: Interaction
    things: tuple[Disclosed, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A request that was answered with data, or denied.

    `partner` is empty where nobody registered is known to ask. `status` is HTTP's. `text` is what was
    searched for, or asked for in vain, in the words of who asked: it may name a person, nothing else here
    does.
    """

    recorded: datetime
    partner: str
    address: str | None
    purposes: tuple[str, ...]
    status: int
    correlation: str
    disclosure: Disclosure


@dataclass(frozen=True, slots=True)
class RecordedEntry:
    """A row of the audit; `things` are what was told, by the uuid of each client, or ''.

    `text` is None where there was none, or where an erasure has forgotten it.
    """

    row: int
    recorded: datetime
    partner: str
    address: str | None
    purposes: tuple[str, ...]
    interaction: str
    status: int
    correlation: str
    things: dict[str, tuple[str, ...]]
    text: str | None


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries are asked for, the newest first; `client` is a uuid, `thing` what was told.

    `since` and `until` are instants, both inside; of entries those `below` a row are meant. An entry makes
    several events: of the row just below, those from the number `first` on are meant.
    """

    client: str | None = None
    partner: str | None = None
    thing: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    row: int | None = None
    below: int | None = None
    first: int = 0
    count: int = 50


class SearchText(NamedTuple):
    """What was searched for or asked for in vain, and the uuids of the clients that the answer told of."""

    row: int
    text: str
    clients: frozenset[str]


def of_resources(versions: Iterable[StoredResource]) -> tuple[Disclosed, ...]:
    """Return the disclosure of versions of resources; what was erased discloses nothing."""
    return tuple(
        Disclosed(stored.client, f"{stored.type}/{stored.id}/_history/{stored.version}")
        for stored in versions
        if not stored.is_erased
    )


def of_documents(documents: Iterable[Document]) -> tuple[Disclosed, ...]:
    """Return the disclosure of documents at their present revisions."""
    return tuple(
        Disclosed(client_of(document), f"{document.kind}/{document.uuid}/_history/{document.revision}")
        for document in documents
    )


def client_of(document: Document) -> str | None:
    """Return the uuid of the client that a document is of; None for the directory's."""
    return document.uuid if document.kind == "client" else document.client


class Broken(NamedTuple):
    """A seal that does not hold, by its number, and why."""

    seal: int
    why: str
