"""The case document: one episode of case management for one client."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from service.values.dates import is_before
from service.wire.contracts.documents.fields import (
    Code,
    Contract,
    Id,
    Link,
    MediaType,
    Number,
    PartialDate,
    Text,
    Url,
    When,
    WholeNumber,
    Words,
    many,
    several,
)
from service.wire.contracts.documents.parts import (
    CONDITION_KINDS,
    CONTACT_ROLES,
    PROFESSIONALS,
    STAY_KINDS,
    CodedContract,
    CodingContract,
    IdentifierContract,
    PeriodContract,
)
from service.wire.contracts.documents.plan import PlanContract

STATUSES = ("planned", "waitlist", "active", "onhold", "finished", "cancelled")
CARE_MODELS = ("strengths-based", "clinical", "brokerage", "intensive")
TARGETED_GROUPS = (
    "chronic-mental-illness",
    "developmental-disability",
    "physical-disability",
    "substance-use",
    "older-adults",
    "children-and-youth",
    "homelessness",
    "chronic-illness",
    "brain-injury",
)
TEAM_ROLES = (
    "case-manager",
    "deputy-case-manager",
    "supervisor",
    *PROFESSIONALS,
    "insurer-contact",
    "family",
    "friend",
    "community",
    "provider",
    "other",
)
CLINICAL = ("active", "recurrence", "relapse", "inactive", "remission", "resolved")
VERIFICATION = ("unconfirmed", "provisional", "differential", "confirmed", "refuted")
DOMAINS = ("physical", "cognitive", "social", "financial", "mental", "safety", "housing", "work", "other")


class MemberContract(Contract):
    """Somebody in the team: a professional, an organisation, family, or the community."""

    id = Id(required=True)
    role = Code(TEAM_ROLES, required=True)
    practitioner = Link("practitioner")
    organization = Link("organization")
    related_person = Link("client.related_persons")
    name = Words(limit=400)
    deputy_for = Link("case.team")
    period = fields.Nested(PeriodContract)

    @validates_schema
    def check_who(self, data: dict[str, object], **_: object) -> None:
        """Somebody is exactly one of the four."""
        who = [k for k in ("practitioner", "organization", "related_person", "name") if data.get(k)]
        if len(who) != 1:
            raise ValidationError("Give exactly one of practitioner, organization, related_person, name.")
        if data.get("deputy_for") == data["id"]:
            raise ValidationError("Nobody is their own deputy.", "deputy_for")


class FindingContract(Contract):
    """A need, strength or resource found in an assessment."""

    id = Id(required=True)
    text = Text(required=True)
    domain = Code(DOMAINS)


class AssessmentContract(Contract):
    """What a client needs, is good at, and has to hand."""

    id = Id(required=True)
    date = When(required=True)
    assessor = Link("practitioner")
    needs = many(FindingContract)
    strengths = many(FindingContract)
    resources = many(FindingContract)
    summary = Text()


class ConditionContract(Contract):
    """A diagnosis or problem; `domain` is the part of life that it is about."""

    id = Id(required=True)
    code = fields.Nested(CodedContract, required=True)
    category = Code(("problem-list-item", "encounter-diagnosis"))
    domain = Code(DOMAINS)
    clinical_status = Code(CLINICAL)
    verification_status = Code(VERIFICATION)
    onset = When()
    abatement = When()
    recorded = When()

    @validates_schema
    def check_abatement(self, data: dict[str, object], **_: object) -> None:
        """R4 con-4: what has abated is inactive, resolved or in remission."""
        if data.get("abatement") and data.get("clinical_status") not in {"inactive", "resolved", "remission"}:
            raise ValidationError(
                "A condition with abatement is inactive, resolved or in remission.", "clinical_status"
            )


class MedicationContract(Contract):
    """What the client takes, and who says so."""

    id = Id(required=True)
    status = Code(
        ("active", "completed", "intended", "stopped", "on-hold", "unknown", "not-taken"), required=True
    )
    medication = fields.Nested(CodedContract, required=True)
    dosage = Text()
    period = fields.Nested(PeriodContract)
    source = Code(("client", "family", "professional", "record"))


class ParticipantContract(Contract):
    """Who took part in a stay: a professional of the directory, or somebody of whom the name is known."""

    id = Id(required=True)
    role = Code(CONTACT_ROLES, required=True)
    role_as_sent = fields.Nested(CodedContract)
    practitioner = Link("practitioner")
    name = Words(limit=400)
    period = fields.Nested(PeriodContract)

    @validates_schema
    def check_who(self, data: dict[str, object], **_: object) -> None:
        """Somebody is exactly one of the two."""
        if len([k for k in ("practitioner", "name") if data.get(k)]) != 1:
            raise ValidationError("Give either practitioner or name.")


class StayDiagnosisContract(Contract):
    """What a diagnosis was to a stay: its `use`, and its `rank` among those of one use, 1 the first."""

    condition = Link("case.conditions", required=True)
    use = Code(CONDITION_KINDS)
    rank = WholeNumber(low=1, high=1000)


class StayContract(Contract):
    """A stay in hospital, as the case system knows it; those that hospitals brought stand in `received`."""

    id = Id(required=True)
    status = Code(("planned", "arrived", "in-progress", "onleave", "finished", "cancelled"), required=True)
    kind = Code(STAY_KINDS, required=True)
    class_as_sent = fields.Nested(CodingContract)
    types = many(CodedContract, limit=20)
    identifiers = many(IdentifierContract)
    hospital = Link("organization")
    period = fields.Nested(PeriodContract)
    location = Text(limit=400)
    disposition = fields.Nested(CodedContract)
    destination = Text(limit=400)
    reasons = many(CodedContract)
    participants = many(ParticipantContract)
    conditions = several("case.conditions")
    diagnoses = many(StayDiagnosisContract, limit=200)


class OutcomeContract(Contract):
    """Something measured or observed about how it goes."""

    id = Id(required=True)
    date = When(required=True)
    code = fields.Nested(CodedContract, required=True)
    quantity = Number()
    unit = Text(limit=100)
    text = Text()


class FileContract(Contract):
    """A file that belongs to the case: what it is and where it can be fetched, not the file itself."""

    id = Id(required=True)
    title = Text(limit=400, required=True)
    kind = fields.Nested(CodedContract)
    url = Url(required=True)
    content_type = MediaType()
    date = When()


class ClosureContract(Contract):
    """Why and when a case ended."""

    reason = Code(("goals-met", "moved", "declined", "died", "transferred", "other"), required=True)
    date = PartialDate(required=True)


class CaseContract(Contract):
    """A case; `client` is the id the case system gave the client."""

    client = Link("client", required=True)
    identifiers = many(IdentifierContract)
    status = Code(STATUSES, required=True)
    care_model = Code(CARE_MODELS)
    targeted_group = Code(TARGETED_GROUPS)
    period = fields.Nested(PeriodContract)
    managing_organization = Link("organization")
    care_manager = Link("practitioner")
    assessments = many(AssessmentContract)
    conditions = many(ConditionContract)
    team = many(MemberContract)
    plan = fields.Nested(PlanContract)
    medications = many(MedicationContract)
    stays = many(StayContract)
    outcomes = many(OutcomeContract)
    documents = many(FileContract)
    closure = fields.Nested(ClosureContract)

    @validates_schema
    def check_closure(self, data: dict[str, Any], **_: object) -> None:
        """Refuse a closure before the case was opened: both bound the episode's period."""
        start = data.get("period", {}).get("start")
        if start and "closure" in data and is_before(data["closure"]["date"], start):
            raise ValidationError({"closure": {"date": ["Before the period of the case starts."]}})
