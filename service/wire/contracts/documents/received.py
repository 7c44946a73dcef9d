"""What hospitals brought, as a document shows it: read-only, with ids that its own parts may name."""

from marshmallow import fields

from service.wire.contracts.documents.case import Condition, Member, Stay
from service.wire.contracts.documents.client import Coverage, RelatedPerson
from service.wire.contracts.documents.fields import (
    Code,
    Contract,
    Flag,
    Id,
    Language,
    PartialDate,
    When,
    many,
)
from service.wire.contracts.documents.parts import GENDERS, Address, Identifier, Name, Telecom
from service.wire.contracts.documents.plan import Service


class Proposals(Contract):
    """Services that follow from a discharge; one of its id in the case's own plan accepts it."""

    services = many(Service)


class CaseReceived(Contract):
    """What hospitals brought into a case: only they can change it."""

    stays = many(Stay)
    conditions = many(Condition)
    team = many(Member)
    plan = fields.Nested(Proposals)
    unfounded = fields.List(
        Id(), metadata={"description": "Accepted proposals whose discharge was cancelled: decide anew."}
    )


class ClientReceived(Contract):
    """What hospitals said of a client; it fills what the client's own document leaves out."""

    identifiers = many(Identifier)
    names = many(Name)
    gender = Code(GENDERS)
    birth_date = PartialDate()
    deceased = When()
    has_died = Flag()
    telecom = many(Telecom)
    addresses = many(Address)
    language = Language()
    protected_identity = Flag()
    related_persons = many(RelatedPerson)
    coverages = many(Coverage)


RECEIVED = {"case": CaseReceived, "client": ClientReceived}
