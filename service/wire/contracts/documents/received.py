"""What hospitals brought, as a document shows it: read-only, with ids that its own parts may name."""

from marshmallow import fields

from service.wire.contracts.documents.case import ConditionContract, MemberContract, StayContract
from service.wire.contracts.documents.client import CoverageContract, RelatedPersonContract
from service.wire.contracts.documents.fields import (
    Code,
    Contract,
    Flag,
    Id,
    Language,
    PartialDate,
    When,
    many,
    says,
)
from service.wire.contracts.documents.parts import (
    GENDERS,
    AddressContract,
    IdentifierContract,
    NameContract,
    TelecomContract,
)
from service.wire.contracts.documents.plan import ServiceContract


class ProposalsContract(Contract):
    """Services that follow from a discharge; one of its id in the case's own plan accepts it."""

    services = many(ServiceContract)


class CaseReceivedContract(Contract):
    """What hospitals brought into a case: only they can change it."""

    stays = many(StayContract)
    conditions = many(ConditionContract)
    team = many(MemberContract)
    plan = fields.Nested(ProposalsContract)
    unfounded = fields.List(
        Id(), metadata=says("Accepted proposals whose discharge was cancelled: decide anew.")
    )


class ClientReceivedContract(Contract):
    """What hospitals said of a client; it fills what the client's own document leaves out."""

    identifiers = many(IdentifierContract)
    names = many(NameContract)
    gender = Code(GENDERS)
    birth_date = PartialDate()
    deceased = When()
    has_died = Flag()
    telecom = many(TelecomContract)
    addresses = many(AddressContract)
    language = Language()
    protected_identity = Flag()
    related_persons = many(RelatedPersonContract)
    coverages = many(CoverageContract)


RECEIVED = {"case": CaseReceivedContract, "client": ClientReceivedContract}
