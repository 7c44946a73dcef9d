"""The Discharge: a hospital's word about one stay, whatever format it came in.

Inbound mappings make it; `cases/` decides what it does. Nothing but `event` is needed by this contract, so
that a thin message can say little; what cannot be used for want of a patient, a stay or a time is kept in
quarantine with the place. Three rules for who writes a mapping:

- *Absent is unsaid.* A member left out leaves what is known as it is. A sender who says that something is
  no longer so (HL7 v2 `""`) says it in `cleared`, by the member's path.
- *A list is the whole list* of its kind: the conditions of one `kind`, all related persons, all coverages.
- *Times order.* `recorded` says when the sender wrote the event down; it decides which word is newer.

HL7 v2 triggers: https://www.hl7.eu/HL7v2x/v251/std251/ch03.html
"""

from typing import Final

from marshmallow import ValidationError, fields, validate, validates_schema

from service.wire.contracts.documents.case import CLINICAL, VERIFICATION
from service.wire.contracts.documents.client import POLICY_RELATIONSHIPS, RELATIONSHIPS, GroupContract
from service.wire.contracts.documents.fields import (
    Code,
    Contract,
    Flag,
    Instant,
    Language,
    PartialDate,
    Text,
    Uri,
    When,
    WholeNumber,
    Words,
    many,
)
from service.wire.contracts.documents.parts import (
    CONDITION_KINDS,
    CONTACT_ROLES,
    GENDERS,
    STAY_KINDS,
    AddressContract,
    CodedContract,
    CodingContract,
    IdentifierContract,
    NameContract,
    PeriodContract,
    TelecomContract,
)

EVENTS: Final = (
    "plan",
    "register",
    "admit",
    "change-class",
    "transfer",
    "cancel-transfer",
    "leave",
    "return",
    "update",
    "discharge",
    "death",
    "cancel-discharge",
    "cancel-admit",
    "merge",
)
CLEARED: Final = (
    "patient.telecom",
    "patient.addresses",
    "patient.gender",
    "patient.birth_date",
    "patient.language",
    "patient.deceased",
    "stay.period.start",
    "stay.period.end",
    "stay.disposition",
    "stay.destination",
    "stay.location",
    "stay.reasons",
    "stay.conditions",
    "contacts",
    *(f"contacts.{role}" for role in ("attending", "referring", "consulting", "admitting")),
    "related_persons",
    "coverages",
)
ACTIONS: Final = ("add", "update", "delete")
_ACTION: Final = (
    "DG1-21, ROL-2, PRT-2: what is to be done with this one alone; the others of its kind stay as they are."
    " Left out of all of them, the list is the whole list."
)


def _says(text: str) -> dict[str, str]:
    return {"description": text}


class SentIdentifierContract(IdentifierContract):
    """An identifier as a sender writes it."""

    known_as = fields.List(
        Uri(),
        validate=validate.Length(max=100),
        metadata=_says("Other systems under which its sender names the same number, or may."),
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
        metadata=_says("PID-3, Patient.identifier; `system` is the assigning authority as a URI."),
    )
    merged_from = many(
        SentIdentifierContract,
        metadata=_says("MRG-1: identifiers of the patient who is this one; for `merge` only."),
    )
    names = many(NameContract)
    gender = Code(GENDERS)
    birth_date = PartialDate()
    deceased = When(metadata=_says("When the patient died; PID-29, Patient.deceasedDateTime."))
    has_died = Flag(metadata=_says("PID-30, Patient.deceasedBoolean: for a death without its time."))
    telecom = many(TelecomContract)
    addresses = many(AddressContract)
    language = Language()
    must_be_known = Flag(
        metadata=_says("True where only a reference or a number names them: nobody is made of that.")
    )
    protected_identity = Flag(
        metadata=_says("True keeps whereabouts in the house for good; only the case system can lift it.")
    )


class DiagnosisContract(Contract):
    """A diagnosis of the stay; DG1, Encounter.diagnosis."""

    code = fields.Nested(CodedContract, required=True)
    kind = Code(CONDITION_KINDS, metadata=_says("DG1-6, Encounter.diagnosis.use; left out: `other`."))
    rank = WholeNumber(low=1, high=1000, metadata=_says("DG1-15, Encounter.diagnosis.rank; 1 is the first."))
    clinical_status = Code(CLINICAL, metadata=_says("Condition.clinicalStatus."))
    verification_status = Code(VERIFICATION, metadata=_says("Condition.verificationStatus."))
    action = Code(ACTIONS, metadata=_says(_ACTION))
    entry = Text(
        metadata=_says(
            "DG1-20: the diagnosis in the sender's list; what is done with it is, whatever its code."
        )
    )
    onset = When(metadata=_says("DG1-5, Condition.onsetDateTime."))
    abatement = When()
    recorded = When(metadata=_says("DG1-19, Condition.recordedDate."))


class HospitalStayContract(Contract):
    """The stay the event is about."""

    identifiers = many(
        SentIdentifierContract,
        metadata=_says(
            "PV1-19, Encounter.identifier, MedCom's Encounter.episodeOfCare.identifier: the visit number,"
            " `system` its assigning authority. The first one is the stay's key, by every way in."
        ),
    )
    status = Code(
        ("planned", "arrived", "in-progress", "onleave", "finished", "cancelled"),
        metadata=_says("Leave it out to let the event say; a sender's own status overrules the event's."),
    )
    kind = Code(
        STAY_KINDS,
        metadata=_says("PV1-2, Encounter.class; the partner's settings say which kinds open a case."),
    )
    class_as_sent = fields.Nested(
        CodingContract,
        metadata=_says("Encounter.class, PV1-2 as HL7 maps it to v3-ActCode: said again as it is."),
    )
    types = many(
        CodedContract, limit=20, metadata=_says("PV1-4, a PV1-2 that is the hospital's own, Encounter.type.")
    )
    period = fields.Nested(
        PeriodContract,
        metadata=_says("PV1-44 and PV1-45 after the partner's fallbacks, of a plan PV2-8; Encounter.period."),
    )
    hospital = fields.Nested(
        OrganizationContract, metadata=_says("PV1-39, EVN-7, MSH-4, Encounter.serviceProvider.")
    )
    location = Text(limit=400, metadata=_says("Ward, room, bed as words; PV1-3, Encounter.location."))
    disposition = fields.Nested(
        CodedContract,
        metadata=_says("PV1-36 after the partner's ConceptMap, hospitalization.dischargeDisposition."),
    )
    destination = Text(limit=400, metadata=_says("PV1-37, hospitalization.destination, as words."))
    reasons = many(
        CodedContract, metadata=_says("Why the person came, in codes or words; PV2-3, Encounter.reasonCode.")
    )
    conditions = many(DiagnosisContract)


class ContactContract(Contract):
    """Who takes part in the stay, or the patient's own doctor; PV1-7, -8, -9, -17, -52, PD1-4, ROL, PRT."""

    role = Code(CONTACT_ROLES, required=True)
    role_as_sent = fields.Nested(
        CodedContract, metadata=_says("ROL-3, PRT-4, Encounter.participant.type: all of it.")
    )
    action = Code(ACTIONS, metadata=_says(_ACTION))
    identifiers = many(
        SentIdentifierContract, metadata=_says("With one, a directory entry is made; else the name stays.")
    )
    names = many(NameContract, metadata=_says("Identifiers or names must be there."))
    telecom = many(TelecomContract)
    organization = fields.Nested(OrganizationContract)
    period = fields.Nested(
        PeriodContract, metadata=_says("ROL-5 and ROL-6, PRT-11 and PRT-12, Encounter.participant.period.")
    )

    @validates_schema
    def check_someone(self, data: dict[str, object], **_: object) -> None:
        """Refuse somebody who is nobody."""
        if not (data.get("identifiers") or data.get("names")):
            raise ValidationError("Give identifiers or names.")


class RelativeContract(Contract):
    """Somebody close to the patient; NK1, RelatedPerson, Patient.contact."""

    active = Flag(metadata=_says("RelatedPerson.active."))
    relationship = Code(RELATIONSHIPS, required=True)
    relationships_as_sent = many(
        CodedContract, limit=20, metadata=_says("NK1-3 and NK1-7, RelatedPerson.relationship: all of it.")
    )
    names = many(NameContract)
    telecom = many(TelecomContract)
    addresses = many(AddressContract)
    gender = Code(GENDERS)
    period = fields.Nested(PeriodContract, metadata=_says("NK1-8 and NK1-9, the period of a contact."))


class InsuranceContract(Contract):
    """What the hospital was told of an insurance: unverified, it discloses nothing to anybody."""

    status = Code(("active", "cancelled", "draft"), metadata=_says("Coverage.status; left out: draft."))
    payer = fields.Nested(
        OrganizationContract,
        required=True,
        metadata=_says("IN1-3, IN1-4, else IN1-15, -2, -35; Coverage.payor."),
    )
    subscriber_id = Text(limit=200, metadata=_says("IN1-36 or IN1-49, Coverage.subscriberId."))
    policy_number = Text(limit=200, metadata=_says("IN1-36, where IN1-49 has the subscriber's number."))
    member_id = Text(limit=200, metadata=_says("IN1-49 of type MB, the MB among Coverage.identifier."))
    relationship = Code(
        POLICY_RELATIONSHIPS, metadata=_says("What the patient is to the subscriber; Coverage.relationship.")
    )
    group = fields.Nested(GroupContract, metadata=_says("IN1-8 and IN1-9, Coverage.class of type group."))
    plan = fields.Nested(GroupContract, metadata=_says("IN1-35, else IN1-2; Coverage.class of type plan."))
    kind = Code(("public", "statutory", "private", "accident", "self-pay"))
    period = fields.Nested(PeriodContract, metadata=_says("IN1-12 and IN1-13, Coverage.period."))


class DischargeContract(Contract):
    """A hospital's word that a stay has begun, changed, ended, or was never so."""

    event = Code(
        EVENTS,
        required=True,
        metadata=_says(
            "plan: A05, A14, Encounter planned · register: A04 ·"
            " admit: A01, MedCom admit, notification-admit ·"
            " change-class: A06, A07 · transfer: A02, A17 · cancel-transfer: A12 · leave: A21, A53 ·"
            " return: A22, A52 · update: A08, A54, A55; of the person alone A28, A31 ·"
            " discharge: A03, MedCom discharge · death: MedCom MORS ·"
            " cancel-discharge: A13, MedCom cancelled discharge ·"
            " cancel-admit: A11, A27, A38, entered-in-error ·"
            " merge: A18, A30, A34, A36, A39, A40, A46, A47."
            " A correction is its event once more, `recorded` later."
        ),
    )
    recorded = Instant(
        metadata=_says("EVN-2, else MSH-7; meta.lastUpdated, else Bundle.timestamp. Left out: on arrival.")
    )
    happened = When(metadata=_says("EVN-6; when it came to be: the admission, discharge, leave or death."))
    processing = Code(
        ("production", "training", "debugging"),
        metadata=_says("MSH-11; Bundle.meta.tag HTEST is training. Left out: production."),
    )
    patient = fields.Nested(PersonContract)
    stay = fields.Nested(HospitalStayContract)
    contacts = many(ContactContract, limit=100)
    related_persons = many(RelativeContract, limit=100)
    coverages = many(InsuranceContract, limit=100)
    cleared = fields.List(
        Code(CLEARED),
        validate=validate.Length(max=len(CLEARED)),
        metadata=_says('What the sender says is no longer so: paths of members; HL7 v2 `""`.'),
    )

    @validates_schema
    def check_cleared(self, data: dict[str, object], **_: object) -> None:
        """Refuse an event that clears what it says."""
        for path in data.get("cleared", ()):  # type: ignore[attr-defined]
            part: object = data
            for step in path.split("."):
                part = part.get(step) if isinstance(part, dict) else None
            if part is not None:
                raise ValidationError(f"{path} is said and cleared at once.", "cleared")
