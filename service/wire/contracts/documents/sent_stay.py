"""The stay that a discharge is about, with its diagnoses."""

from marshmallow import fields

from service.wire.contracts.documents.case import CLINICAL, VERIFICATION
from service.wire.contracts.documents.fields import Code, Contract, Text, When, WholeNumber, many, says
from service.wire.contracts.documents.parts import (
    CONDITION_KINDS,
    STAY_KINDS,
    CodedContract,
    CodingContract,
    PeriodContract,
)
from service.wire.contracts.documents.sent_people import (
    ACTION,
    ACTIONS,
    OrganizationContract,
    SentIdentifierContract,
)


class DiagnosisContract(Contract):
    """A diagnosis of the stay; DG1, Encounter.diagnosis."""

    code = fields.Nested(CodedContract, required=True)
    kind = Code(CONDITION_KINDS, metadata=says("DG1-6, Encounter.diagnosis.use; left out: `other`."))
    rank = WholeNumber(low=1, high=1000, metadata=says("DG1-15, Encounter.diagnosis.rank; 1 is the first."))
    clinical_status = Code(CLINICAL, metadata=says("Condition.clinicalStatus."))
    verification_status = Code(VERIFICATION, metadata=says("Condition.verificationStatus."))
    action = Code(ACTIONS, metadata=says(ACTION))
    entry = Text(
        metadata=says(
            "DG1-20: the diagnosis in the sender's list; what is done with it is, whatever its code."
        )
    )
    onset = When(metadata=says("DG1-5, Condition.onsetDateTime."))
    abatement = When()
    recorded = When(metadata=says("DG1-19, Condition.recordedDate."))


class HospitalStayContract(Contract):
    """The stay the event is about."""

    identifiers = many(
        SentIdentifierContract,
        metadata=says(
            "PV1-19, Encounter.identifier, MedCom's Encounter.episodeOfCare.identifier: the visit number,"
            " `system` its assigning authority. The first one is the stay's key, by every way in."
        ),
    )
    status = Code(
        ("planned", "arrived", "in-progress", "onleave", "finished", "cancelled"),
        metadata=says("Leave it out to let the event say; a sender's own status overrules the event's."),
    )
    kind = Code(
        STAY_KINDS,
        metadata=says("PV1-2, Encounter.class; the partner's settings say which kinds open a case."),
    )
    class_as_sent = fields.Nested(
        CodingContract,
        metadata=says("Encounter.class, PV1-2 as HL7 maps it to v3-ActCode: said again as it is."),
    )
    types = many(
        CodedContract,
        limit=20,
        metadata=says("PV1-4, a PV1-2 that is the hospital's own, Encounter.type."),
    )
    period = fields.Nested(
        PeriodContract,
        metadata=says("PV1-44 and PV1-45 after the partner's fallbacks, of a plan PV2-8; Encounter.period."),
    )
    hospital = fields.Nested(
        OrganizationContract, metadata=says("PV1-39, EVN-7, MSH-4, Encounter.serviceProvider.")
    )
    location = Text(limit=400, metadata=says("Ward, room, bed as words; PV1-3, Encounter.location."))
    disposition = fields.Nested(
        CodedContract,
        metadata=says("PV1-36 after the partner's ConceptMap, hospitalization.dischargeDisposition."),
    )
    destination = Text(limit=400, metadata=says("PV1-37, hospitalization.destination, as words."))
    reasons = many(
        CodedContract,
        metadata=says("Why the person came, in codes or words; PV2-3, Encounter.reasonCode."),
    )
    conditions = many(DiagnosisContract)
