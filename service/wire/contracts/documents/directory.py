"""Directory entries: practitioners with their roles, organisations, locations."""

from marshmallow import fields

from service.wire.contracts.documents.fields import Code, Contract, Flag, Id, Link, PartialDate, Words, many
from service.wire.contracts.documents.parts import (
    GENDERS,
    PROFESSIONALS,
    AddressContract,
    IdentifierContract,
    NameContract,
    PeriodContract,
    QualificationContract,
    TelecomContract,
)

PROFESSIONS = ("case-manager", *PROFESSIONALS, "other")
ORGANIZATION_KINDS = (
    "hospital",
    "insurer",
    "care-provider",
    "municipality",
    "community",
    "employer",
    "other",
)


class RoleContract(Contract):
    """What a practitioner is, and where."""

    id = Id(required=True)
    profession = Code(PROFESSIONS, required=True)
    organization = Link("organization")
    location = Link("location")
    period = fields.Nested(PeriodContract)


class PractitionerContract(Contract):
    """A professional."""

    identifiers = many(IdentifierContract)
    active = Flag()
    names = many(NameContract, required=True)
    gender = Code(GENDERS)
    birth_date = PartialDate()
    telecom = many(TelecomContract)
    qualifications = many(QualificationContract)
    roles = many(RoleContract)


class OrganizationContract(Contract):
    """A hospital, insurer, provider or community organisation."""

    identifiers = many(IdentifierContract)
    active = Flag()
    name = Words(limit=400, required=True)
    kind = Code(ORGANIZATION_KINDS, required=True)
    telecom = many(TelecomContract)
    addresses = many(AddressContract)
    part_of = Link("organization")


class LocationContract(Contract):
    """A place where care is given."""

    identifiers = many(IdentifierContract)
    status = Code(("active", "suspended", "inactive"))
    name = Words(limit=400, required=True)
    telecom = many(TelecomContract)
    address = fields.Nested(AddressContract)
    organization = Link("organization")
