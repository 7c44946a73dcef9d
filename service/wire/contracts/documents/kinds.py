"""The kinds of internal documents, each with its contract; a discharge is an event, never stored as one."""

from typing import Final

from service.wire.contracts.documents.case import CaseContract
from service.wire.contracts.documents.client import ClientContract
from service.wire.contracts.documents.directory import (
    LocationContract,
    OrganizationContract,
    PractitionerContract,
)
from service.wire.contracts.documents.discharge import DischargeContract
from service.wire.contracts.documents.fields import Contract

KINDS: Final[dict[str, type[Contract]]] = {
    "client": ClientContract,
    "case": CaseContract,
    "practitioner": PractitionerContract,
    "organization": OrganizationContract,
    "location": LocationContract,
    "discharge": DischargeContract,
}
