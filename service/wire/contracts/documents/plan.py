"""The plan inside a case: goals, services, appointments, check-ins."""

from marshmallow import ValidationError, fields, validates_schema

from service.values.dates import is_before
from service.wire.contracts.documents.fields import (
    Code,
    Contract,
    Flag,
    Id,
    Instant,
    Link,
    Number,
    PartialDate,
    Text,
    When,
    WholeNumber,
    Words,
    many,
    several,
)
from service.wire.contracts.documents.parts import CodedContract, PeriodContract

SERVICE_KINDS = (
    "physiotherapy",
    "neuropsychology",
    "occupational-therapy",
    "mental-health-service",
    "home-visit",
    "phone-check-in",
    "patient-education",
    "financial-planning",
    "follow-up",
    "social-services-enrolment",
    "nursing",
    "medical",
    "transport",
    "other",
)
SETTINGS = (
    "home",
    "hospital",
    "outpatient",
    "community",
    "telephone",
    "rehabilitation",
    "long-term-care",
    "other",
)
GOAL_STATUS = ("proposed", "planned", "accepted", "active", "on-hold", "completed", "cancelled", "rejected")
ACHIEVEMENT = (
    "in-progress",
    "improving",
    "worsening",
    "no-change",
    "achieved",
    "sustaining",
    "not-achieved",
    "no-progress",
    "not-attainable",
)


class ProgressContract(Contract):
    """How a goal stood on a day."""

    date = PartialDate(required=True)
    achievement = Code(ACHIEVEMENT, required=True)
    note = Text()


class TargetContract(Contract):
    """What would show that a goal is reached."""

    measure = fields.Nested(CodedContract)
    text = Text()
    quantity = Number()
    unit = Text(limit=100)
    due = PartialDate()


class GoalContract(Contract):
    """What the client wants to reach."""

    id = Id(required=True)
    status = Code(GOAL_STATUS, required=True)
    description = Text(required=True)
    category = Code(("physical", "cognitive", "social", "financial", "mental", "safety", "other"))
    priority = Code(("high", "medium", "low"))
    start = PartialDate()
    target = fields.Nested(TargetContract)
    progress = many(ProgressContract)
    conditions = several("case.conditions")


class NecessityContract(Contract):
    """Why a service is medically necessary, and who decided."""

    indication = Text()
    condition = Link("case.conditions")
    decision = Code(("necessary", "not-necessary", "pending"), required=True)
    decided_by = Link("practitioner")
    date = PartialDate()


class AuthorizationContract(Contract):
    """What the insurer says about paying for a service."""

    required = Flag()
    status = Code(("not-requested", "requested", "approved", "denied"), required=True)
    reference = Text(limit=200)
    coverage = Link("client.coverages")
    answered = When()
    period = fields.Nested(PeriodContract)


class ScheduleContract(Contract):
    """How often: `frequency` times in `period` `unit`s."""

    frequency = WholeNumber(low=1, high=1000, required=True)
    period = WholeNumber(low=1, high=1000, required=True)
    unit = Code(("h", "d", "wk", "mo", "a"), required=True)


class NoteContract(Contract):
    """How a service went, in somebody's words; partners may write them too."""

    id = Id(required=True)
    time = When()
    text = Text(required=True)
    practitioner = Link("practitioner")
    organization = Link("organization")
    name = Words(limit=400)

    @validates_schema
    def check_author(self, data: dict[str, object], **_: object) -> None:
        """Its author, if told at all, is one of the three."""
        if sum(name in data for name in ("practitioner", "organization", "name")) > 1:
            raise ValidationError("Give one of practitioner, organization, name, or none of them.")


class ServiceContract(Contract):
    """One service the plan asks for."""

    id = Id(required=True)
    kind = Code(SERVICE_KINDS, required=True)
    status = Code(("proposed", "planned", "active", "on-hold", "completed", "cancelled"), required=True)
    priority = Code(("routine", "urgent", "asap", "stat"))
    description = Text()
    setting = Code(SETTINGS)
    provider = Link("organization")
    practitioner = Link("practitioner")
    location = Link("location")
    necessity = fields.Nested(NecessityContract)
    authorization = fields.Nested(AuthorizationContract)
    schedule = fields.Nested(ScheduleContract)
    period = fields.Nested(PeriodContract)
    requested = When()
    goals = several("case.plan.goals")
    progress = many(NoteContract)


class AppointmentContract(Contract):
    """A booked meeting."""

    id = Id(required=True)
    status = Code(
        ("proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow"), required=True
    )
    service = Link("case.plan.services")
    description = Text()
    start = Instant(required=True)
    end = Instant(required=True)
    practitioner = Link("practitioner")
    location = Link("location")

    @validates_schema
    def check_order(self, data: dict[str, str], **_: object) -> None:
        """Refuse a meeting that is over before it begins."""
        if is_before(data["end"], data["start"]):
            raise ValidationError("Ends before it starts.", "end")


class CheckInContract(Contract):
    """A planned contact with the client, and what came of it."""

    id = Id(required=True)
    status = Code(("planned", "completed", "missed", "cancelled"), required=True)
    medium = Code(("phone", "visit", "video", "message"), required=True)
    topic = Text()
    planned = When(required=True)
    done = Instant()
    by = Link("practitioner")
    note = Text()


class PlanContract(Contract):
    """The care plan."""

    title = Text(limit=400, required=True)
    description = Text()
    status = Code(("draft", "active", "on-hold", "completed", "revoked"), required=True)
    period = fields.Nested(PeriodContract)
    author = Link("practitioner")
    goals = many(GoalContract)
    services = many(ServiceContract)
    appointments = many(AppointmentContract)
    check_ins = many(CheckInContract)
