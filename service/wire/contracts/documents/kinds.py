"""The kinds of internal documents, each with its contract; a discharge is an event, never stored as one."""

from typing import Final

from service.wire.contracts.documents.case import Case
from service.wire.contracts.documents.client import Client
from service.wire.contracts.documents.directory import Location, Organization, Practitioner
from service.wire.contracts.documents.discharge import Discharge
from service.wire.contracts.documents.fields import Contract

KINDS: Final[dict[str, type[Contract]]] = {
    "client": Client,
    "case": Case,
    "practitioner": Practitioner,
    "organization": Organization,
    "location": Location,
    "discharge": Discharge,
}
