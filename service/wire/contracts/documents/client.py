"""The client document: the person whose care is coordinated, their family and their coverage."""

from marshmallow import fields

from service.values.access.labels import SENSITIVITIES
from service.values.access.purposes import PARENTS
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
from service.wire.contracts.documents.parts import (
    GENDERS,
    AddressContract,
    CodedContract,
    IdentifierContract,
    NameContract,
    PeriodContract,
    TelecomContract,
)

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
CONSENT_STATUSES = ("draft", "proposed", "active", "rejected", "inactive", "entered-in-error")
POLICY_RELATIONSHIPS = ("self", "spouse", "partner", "parent", "child", "injured", "other")


class RelatedPersonContract(Contract):
    """Somebody close to the client: family, friend, neighbour."""

    id = Id(required=True)
    active = Flag()
    relationship = Code(RELATIONSHIPS, required=True)
    relationships_as_sent = many(CodedContract, limit=20)
    names = many(NameContract)
    telecom = many(TelecomContract)
    addresses = many(AddressContract)
    gender = Code(GENDERS)
    period = fields.Nested(PeriodContract)


class GroupContract(Contract):
    """The group or plan that an insurance is of."""

    number = Text(limit=200, required=True)
    name = Words(limit=400)


class CoverageContract(Contract):
    """An insurance, and who pays; `relationship` says what the client is to the subscriber."""

    id = Id(required=True)
    status = Code(("active", "cancelled", "draft"), required=True)
    payer = Link("organization", required=True)
    subscriber_id = Text(limit=200)
    policy_number = Text(limit=200)
    member_id = Text(limit=200)
    relationship = Code(POLICY_RELATIONSHIPS)
    group = fields.Nested(GroupContract)
    plan = fields.Nested(GroupContract)
    kind = Code(("public", "statutory", "private", "accident", "self-pay"))
    period = fields.Nested(PeriodContract)


class ConsentContract(Contract):
    """What a client permits or denies: to a `recipient`, for `purposes`, of what bears `labels`; or all."""

    id = Id(required=True)
    status = Code(CONSENT_STATUSES, required=True)
    decision = Code(("deny", "permit"), required=True)
    recipient = Link("organization")
    purposes = fields.List(Code(tuple(PARENTS)))
    labels = fields.List(Code(SENSITIVITIES))
    period = fields.Nested(PeriodContract)
    date = When()


class ClientContract(Contract):
    """A client; `protected_identity` keeps address, telecom and location in the house, in every view."""

    identifiers = many(IdentifierContract)
    active = Flag()
    names = many(NameContract, required=True)
    pronouns = Text(limit=40)
    gender = Code(GENDERS)
    birth_date = PartialDate()
    deceased = When()
    has_died = Flag()
    telecom = many(TelecomContract)
    addresses = many(AddressContract)
    language = Language()
    interpreter_needed = Flag()
    protected_identity = Flag()
    related_persons = many(RelatedPersonContract)
    coverages = many(CoverageContract)
    consents = many(ConsentContract)
