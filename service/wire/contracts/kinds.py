"""The kinds of internal documents, each with its contract; a discharge is an event, never stored as one."""

from typing import Final

from service.wire.contracts.case import Case
from service.wire.contracts.client import Client
from service.wire.contracts.directory import Location, Organization, Practitioner
from service.wire.contracts.discharge import Discharge
from service.wire.contracts.fields import Contract

KINDS: Final[dict[str, type[Contract]]] = {
    "client": Client,
    "case": Case,
    "practitioner": Practitioner,
    "organization": Organization,
    "location": Location,
    "discharge": Discharge,
}
