"""Who a discharge names: the patient, who takes part in the stay, relatives, organisations and insurances."""

from typing import Final

from marshmallow import ValidationError, fields, validate, validates_schema

from service.wire.contracts.documents.client import POLICY_RELATIONSHIPS, RELATIONSHIPS, GroupContract
from service.wire.contracts.documents.fields import (
    Code,
    Contract,
    Flag,
    Language,
    PartialDate,
    Text,
    Uri,
    When,
    Words,
    many,
    says,
)
from service.wire.contracts.documents.parts import (
    CONTACT_ROLES,
    GENDERS,
    AddressContract,
    CodedContract,
    IdentifierContract,
    NameContract,
    PeriodContract,
    TelecomContract,
)

ACTIONS: Final = ("add", "update", "delete")
ACTION: Final = (
    "DG1-21, ROL-2, PRT-2: what is to be done with this one alone; the others of its kind stay as they are."
    " Left out of all of them, the list is the whole list."
)


class SentIdentifierContract(IdentifierContract):
    """An identifier as a sender writes it."""

    known_as = fields.List(
        Uri(),
        validate=validate.Length(max=100),
        metadata=says("Other systems under which its sender names the same number, or may."),
    )


class OrganizationContract(Contract):
    """An organisation as a sender names it."""

    identifiers = many(SentIdentifierContract)
    name = Words(limit=400)

    @validates_schema
    def check_something(self, data: dict[str, object], **_: object) -> None:
        """Refuse an organisation that is nobody."""
        if not (data.get("identifiers") or data.get("name")):
            raise ValidationError("Give identifiers or a name.")


class PersonContract(Contract):
    """The patient, as the sender knows them."""

    identifiers = many(
        SentIdentifierContract,
        metadata=says("PID-3, Patient.identifier; `system` is the assigning authority as a URI."),
    )
    merged_from = many(
        SentIdentifierContract,
        metadata=says("MRG-1: identifiers of the patient who is this one; for `merge` only."),
    )
    names = many(NameContract)
    gender = Code(GENDERS)
    birth_date = PartialDate()
    deceased = When(metadata=says("When the patient died; PID-29, Patient.deceasedDateTime."))
    has_died = Flag(metadata=says("PID-30, Patient.deceasedBoolean: for a death without its time."))
    telecom = many(TelecomContract)
    addresses = many(AddressContract)
    language = Language()
    must_be_known = Flag(
        metadata=says("True where only a reference or a number names them: nobody is made of that.")
    )
    protected_identity = Flag(
        metadata=says("True keeps whereabouts in the house for good; only the case system can lift it.")
    )


class ContactContract(Contract):
    """Who takes part in the stay, or the patient's own doctor; PV1-7, -8, -9, -17, -52, PD1-4, ROL, PRT."""

    role = Code(CONTACT_ROLES, required=True)
    role_as_sent = fields.Nested(
        CodedContract, metadata=says("ROL-3, PRT-4, Encounter.participant.type: all of it.")
    )
    action = Code(ACTIONS, metadata=says(ACTION))
    identifiers = many(
        SentIdentifierContract,
        metadata=says("With one, a directory entry is made; else the name stays."),
    )
    names = many(NameContract, metadata=says("Identifiers or names must be there."))
    telecom = many(TelecomContract)
    organization = fields.Nested(OrganizationContract)
    period = fields.Nested(
        PeriodContract,
        metadata=says("ROL-5 and ROL-6, PRT-11 and PRT-12, Encounter.participant.period."),
    )

    @validates_schema
    def check_someone(self, data: dict[str, object], **_: object) -> None:
        """Refuse somebody who is nobody."""
        if not (data.get("identifiers") or data.get("names")):
            raise ValidationError("Give identifiers or names.")


class RelativeContract(Contract):
    """Somebody close to the patient; NK1, RelatedPerson, Patient.contact."""

    active = Flag(metadata=says("RelatedPerson.active."))
    relationship = Code(RELATIONSHIPS, required=True)
    relationships_as_sent = many(
        CodedContract, limit=20, metadata=says("NK1-3 and NK1-7, RelatedPerson.relationship: all of it.")
    )
    names = many(NameContract)
    telecom = many(TelecomContract)
    addresses = many(AddressContract)
    gender = Code(GENDERS)
    period = fields.Nested(PeriodContract, metadata=says("NK1-8 and NK1-9, the period of a contact."))


class InsuranceContract(Contract):
    """What the hospital was told of an insurance: unverified, it discloses nothing to anybody."""

    status = Code(("active", "cancelled", "draft"), metadata=says("Coverage.status; left out: draft."))
    payer = fields.Nested(
        OrganizationContract,
        required=True,
        metadata=says("IN1-3, IN1-4, else IN1-15, -2, -35; Coverage.payor."),
    )
    subscriber_id = Text(limit=200, metadata=says("IN1-36 or IN1-49, Coverage.subscriberId."))
    policy_number = Text(limit=200, metadata=says("IN1-36, where IN1-49 has the subscriber's number."))
    member_id = Text(limit=200, metadata=says("IN1-49 of type MB, the MB among Coverage.identifier."))
    relationship = Code(
        POLICY_RELATIONSHIPS,
        metadata=says("What the patient is to the subscriber; Coverage.relationship."),
    )
    group = fields.Nested(GroupContract, metadata=says("IN1-8 and IN1-9, Coverage.class of type group."))
    plan = fields.Nested(GroupContract, metadata=says("IN1-35, else IN1-2; Coverage.class of type plan."))
    kind = Code(("public", "statutory", "private", "accident", "self-pay"))
    period = fields.Nested(PeriodContract, metadata=says("IN1-12 and IN1-13, Coverage.period."))
