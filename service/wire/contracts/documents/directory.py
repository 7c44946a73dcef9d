"""Directory entries: practitioners with their roles, organisations, locations."""

from marshmallow import fields

from service.wire.contracts.documents.fields import Code, Contract, Flag, Id, Link, PartialDate, Words, many
from service.wire.contracts.documents.parts import (
    GENDERS,
    Address,
    Identifier,
    Name,
    Period,
    Qualification,
    Telecom,
)

PROFESSIONS = (
    "case-manager",
    "registered-nurse",
    "social-worker",
    "physician",
    "physiotherapist",
    "neuropsychologist",
    "occupational-therapist",
    "psychologist",
    "financial-counsellor",
    "community-worker",
    "hospital-contact",
    "other",
)
ORGANIZATION_KINDS = (
    "hospital",
    "insurer",
    "care-provider",
    "municipality",
    "community",
    "employer",
    "other",
)


class Role(Contract):
    """What a practitioner is, and where."""

    id = Id(required=True)
    profession = Code(PROFESSIONS, required=True)
    organization = Link("organization")
    location = Link("location")
    period = fields.Nested(Period)


class Practitioner(Contract):
    """A professional."""

    identifiers = many(Identifier)
    active = Flag()
    names = many(Name, required=True)
    gender = Code(GENDERS)
    birth_date = PartialDate()
    telecom = many(Telecom)
    qualifications = many(Qualification)
    roles = many(Role)


class Organization(Contract):
    """A hospital, insurer, provider or community organisation."""

    identifiers = many(Identifier)
    active = Flag()
    name = Words(limit=400, required=True)
    kind = Code(ORGANIZATION_KINDS, required=True)
    telecom = many(Telecom)
    addresses = many(Address)
    part_of = Link("organization")


class Location(Contract):
    """A place where care is given."""

    identifiers = many(Identifier)
    status = Code(("active", "suspended", "inactive"))
    name = Words(limit=400, required=True)
    telecom = many(Telecom)
    address = fields.Nested(Address)
    organization = Link("organization")
