"""The client document: the person whose care is coordinated, their family and their coverage."""

from marshmallow import fields

from service.wire.contracts.documents.fields import (
    Code,
    Contract,
    Flag,
    Id,
    Language,
    Link,
    PartialDate,
    Text,
    When,
    Words,
    many,
)
from service.wire.contracts.documents.parts import GENDERS, Address, Coded, Identifier, Name, Period, Telecom

RELATIONSHIPS = (
    "spouse",
    "partner",
    "parent",
    "child",
    "sibling",
    "grandparent",
    "guardian",
    "friend",
    "neighbour",
    "other",
)
POLICY_RELATIONSHIPS = ("self", "spouse", "partner", "parent", "child", "injured", "other")


class RelatedPerson(Contract):
    """Somebody close to the client: family, friend, neighbour."""

    id = Id(required=True)
    active = Flag()
    relationship = Code(RELATIONSHIPS, required=True)
    relationships_as_sent = many(Coded, limit=20)
    names = many(Name)
    telecom = many(Telecom)
    addresses = many(Address)
    gender = Code(GENDERS)
    period = fields.Nested(Period)


class Numbered(Contract):
    """The group or plan that an insurance is of."""

    number = Text(limit=200, required=True)
    name = Words(limit=400)


class Coverage(Contract):
    """An insurance, and who pays; `relationship` says what the client is to the subscriber."""

    id = Id(required=True)
    status = Code(("active", "cancelled", "draft"), required=True)
    payer = Link("organization", required=True)
    subscriber_id = Text(limit=200)
    policy_number = Text(limit=200)
    member_id = Text(limit=200)
    relationship = Code(POLICY_RELATIONSHIPS)
    group = fields.Nested(Numbered)
    plan = fields.Nested(Numbered)
    kind = Code(("public", "statutory", "private", "accident", "self-pay"))
    period = fields.Nested(Period)


class Client(Contract):
    """A client; `protected_identity` keeps address, telecom and location in the house, in every view."""

    identifiers = many(Identifier)
    active = Flag()
    names = many(Name, required=True)
    pronouns = Text(limit=40)
    gender = Code(GENDERS)
    birth_date = PartialDate()
    deceased = When()
    has_died = Flag()
    telecom = many(Telecom)
    addresses = many(Address)
    language = Language()
    interpreter_needed = Flag()
    protected_identity = Flag()
    related_persons = many(RelatedPerson)
    coverages = many(Coverage)
