"""CarePlan and CareTeam of a case, each leaf read by a precompiled fhirpathpy expression as in a mapping.

FHIRPath selects the items and reads their leaves; what it has no word for (ids, code tables, markup) is left
to Python.
"""

from collections.abc import Callable
from functools import cache
from html import escape
from typing import Any

import fhirpathpy

from service.mapping.catalogue import Catalogue
from service.values.ids import resource_id
from tests.performance.by_hand import (
    DEPUTY,
    PLAN_STATUS,
    TEAM_STATUS,
    TYPES,
    ByHand,
    concept,
    narrative,
    put,
    reference,
)

RAW = {"returnRawData": True}


@cache
def compiled(path: str) -> Callable[[Any], list[Any]]:
    """The function of an expression."""
    return fhirpathpy.compile(path, options=RAW)


def every(path: str, node: Any) -> list[Any]:
    """All values of an expression."""
    return [getattr(each, "data", each) for each in compiled(path)(node)]


def one(path: str, node: Any) -> Any:
    """The first value of an expression, or None."""
    found = every(path, node)
    return found[0] if found else None


class ByFhirpath:
    """The same tables as by hand."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.hand = ByHand(catalogue)

    def run(self, roots: dict[str, Any]) -> list[dict[str, Any]]:
        """Make both resources; a case without a plan has no CarePlan."""
        made = [self.plan(roots)] if one("case.plan.title", roots) else []
        return [*made, self.team(roots)]

    def plan(self, roots: dict[str, Any]) -> dict[str, Any]:
        uuid = one("case.uuid", roots)
        made: dict[str, Any] = {
            "resourceType": "CarePlan",
            "id": resource_id(uuid, "CarePlan", ""),
            "intent": "plan",
            "subject": reference(one("client.uuid", roots), "Patient", ""),
            "careTeam": [reference(uuid, "CareTeam", "")],
        }
        put(made, "identifier", [identifier(each) for each in every("case.identifiers", roots)])
        put(made, "status", PLAN_STATUS.get(one("case.plan.status", roots)))
        model = one("case.care_model", roots)
        put(made, "category", [concept(self.hand.models[model])] if model else [])
        put(made, "title", one("case.plan.title", roots))
        put(made, "description", one("case.plan.description", roots))
        start, end = one("case.plan.period.start", roots), one("case.plan.period.end", roots)
        put(made, "period", period(start, end))
        author = one("case.plan.author.uuid", roots)
        put(made, "author", reference(author, "Practitioner", "") if author else None)
        put(made, "addresses", references(uuid, "Condition", every("case.conditions", roots)))
        seen = [f"assessment.{one('id', each)}" for each in every("case.assessments", roots)]
        made["supportingInfo"] = [
            reference(uuid, "EpisodeOfCare", ""),
            *(reference(uuid, "Observation", key) for key in seen),
            *references(uuid, "DocumentReference", every("case.documents", roots)),
        ]
        put(made, "goal", references(uuid, "Goal", every("case.plan.goals", roots)))
        put(made, "activity", activities(uuid, roots))
        goals, services = every("case.plan.goals", roots), every("case.plan.services", roots)
        listed = "".join(f"<li>{escape(one('description', each))}</li>" for each in goals)
        wanted = "".join(f"<li>{self.hand.kinds[one('kind', each)]}</li>" for each in services)
        parts = [f"<p>{escape(made['title'])}</p>"]
        parts += [f"<p>{self.hand.phrases['goals']}</p><ul>{listed}</ul>"] if listed else []
        parts += [f"<p>{self.hand.phrases['services']}</p><ul>{wanted}</ul>"] if wanted else []
        made["text"] = narrative("".join(parts))
        return made

    def team(self, roots: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {
            "resourceType": "CareTeam",
            "id": resource_id(one("case.uuid", roots), "CareTeam", ""),
            "subject": reference(one("client.uuid", roots), "Patient", ""),
        }
        put(made, "identifier", [identifier(each) for each in every("case.identifiers", roots)])
        put(made, "status", TEAM_STATUS.get(one("case.status", roots)))
        put(made, "period", period(one("case.period.start", roots), one("case.period.end", roots)))
        client = one("client.uuid", roots)
        protected = bool(one("client.protected_identity", roots))
        members = [self.member(each, client, protected) for each in every("case.team", roots)]
        put(made, "participant", members)
        organization = one("case.managing_organization.uuid", roots)
        if organization:
            made["managingOrganization"] = [reference(organization, "Organization", "")]
        team = every("case.team", roots)
        listed = "".join(f"<li>{self.hand.titles[one('role', each)]}</li>" for each in team)
        named = f"<p>{self.hand.phrases['care-team']}</p>"
        made["text"] = narrative(f"{named}<ul>{listed}</ul>" if listed else named)
        return made

    def member(self, member: dict[str, Any], client: str, protected: bool) -> dict[str, Any]:
        made: dict[str, Any] = {"id": one("id", member)}
        role, deputised = one("role", member), one("deputy_for", member)
        if deputised and not (protected and one("role", deputised) == "community"):
            made["extension"] = [{"url": DEPUTY, "valueReference": who(deputised, client)}]
        made["role"] = [concept(self.hand.roles[role])]
        if not (protected and role == "community"):
            put(made, "member", who(member, client))
        put(made, "period", period(one("period.start", member), one("period.end", member)))
        return made


def who(member: dict[str, Any], client: str) -> dict[str, str]:
    made: dict[str, str] = {}
    practitioner, organization = one("practitioner.uuid", member), one("organization.uuid", member)
    if practitioner:
        made = reference(practitioner, "Practitioner", "")
    if organization:
        made = reference(organization, "Organization", "")
    related = one("related_person.id", member)
    if related:
        made = reference(client, "RelatedPerson", related)
    put(made, "display", one("name", member))
    return made


def activities(uuid: str, roots: dict[str, Any]) -> list[dict[str, Any]]:
    services = references(uuid, "ServiceRequest", every("case.plan.services", roots))
    appointments = references(uuid, "Appointment", every("case.plan.appointments", roots))
    made = [{"reference": each} for each in (*services, *appointments)]
    for check_in in every("case.plan.check_ins", roots):
        activity: dict[str, Any] = {}
        if one("status = 'completed'", check_in):
            activity["outcomeReference"] = references(uuid, "Communication", [check_in])
        activity["reference"] = reference(uuid, "CommunicationRequest", one("id", check_in))
        made.append(activity)
    return made


def identifier(node: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {key: one(key, node) for key in ("use", "system", "value")}
    if code := one("type", node):
        found["type"] = {"coding": [{"system": TYPES, "code": code}]}
    found["period"] = period(one("period.start", node), one("period.end", node))
    return {key: value for key, value in found.items() if value}


def period(start: str | None, end: str | None) -> dict[str, str]:
    return {key: value for key, value in (("start", start), ("end", end)) if value}


def references(uuid: str, type_: str, items: list[Any]) -> list[dict[str, str]]:
    return [reference(uuid, type_, one("id", item)) for item in items]
