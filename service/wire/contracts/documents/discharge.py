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

from service.values.inbound.events import EVENTS
from service.wire.contracts.documents.fields import Code, Contract, Instant, When, many, says
from service.wire.contracts.documents.sent_people import (
    ContactContract,
    InsuranceContract,
    PersonContract,
    RelativeContract,
)
from service.wire.contracts.documents.sent_stay import HospitalStayContract

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


class DischargeContract(Contract):
    """A hospital's word that a stay has begun, changed, ended, or was never so."""

    event = Code(
        EVENTS,
        required=True,
        metadata=says(
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
        metadata=says("EVN-2, else MSH-7; meta.lastUpdated, else Bundle.timestamp. Left out: on arrival.")
    )
    happened = When(metadata=says("EVN-6; when it came to be: the admission, discharge, leave or death."))
    processing = Code(
        ("production", "training", "debugging"),
        metadata=says("MSH-11; Bundle.meta.tag HTEST is training. Left out: production."),
    )
    patient = fields.Nested(PersonContract)
    stay = fields.Nested(HospitalStayContract)
    contacts = many(ContactContract, limit=100)
    related_persons = many(RelativeContract, limit=100)
    coverages = many(InsuranceContract, limit=100)
    cleared = fields.List(
        Code(CLEARED),
        validate=validate.Length(max=len(CLEARED)),
        metadata=says('What the sender says is no longer so: paths of members; HL7 v2 `""`.'),
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
