"""CarePlan and CareTeam of a case as somebody would write them in plain Python, absent being absent."""

from html import escape
from typing import Any

from service.mapping.catalogue import Catalogue
from service.values.ids import resource_id

PLAN_STATUS = {
    "draft": "draft",
    "active": "active",
    "on-hold": "on-hold",
    "completed": "completed",
    "revoked": "revoked",
}
TEAM_STATUS = {
    "planned": "proposed",
    "waitlist": "proposed",
    "active": "active",
    "onhold": "suspended",
    "finished": "inactive",
    "cancelled": "inactive",
}
SPOKEN = (
    "phrase", "case-role", "service-kind", "service-status", "schedule-unit", "goal-progress",
    "appointment-state", "check-in-medium", "check-in-status",
)  # fmt: skip
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'
EPISODE = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
DEPUTY = "https://casebridge.org/fhir/StructureDefinition/deputy-for"
TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
MEMBERS = (("practitioner", "Practitioner"), ("organization", "Organization"))


class ByHand:
    """Takes what the code systems say from the catalogue, once, as plain dicts."""

    def __init__(self, catalogue: Catalogue) -> None:
        systems = catalogue.codesystems
        codings = catalogue.terminology.codings
        self.models, self.roles = (
            {code: codings(name, code) for code in systems[name].displays}
            for name in ("care-model", "case-role")
        )
        spans = {
            name: {code: _span(name, code, display) for code, display in systems[name].displays.items()}
            for name in SPOKEN
        }
        self.spans, self.phrases, self.titles = spans, spans["phrase"], spans["case-role"]

    def run(self, roots: dict[str, Any]) -> list[dict[str, Any]]:
        """Make both resources; a case without a plan has no CarePlan."""
        case, client = roots["case"], roots["client"]
        plan = case.get("plan")
        made = [self.plan(case, client, plan)] if plan and plan.get("title") else []
        return [*made, self.team(case, client)]

    def plan(self, case: dict[str, Any], client: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
        uuid = case["uuid"]
        goals, services = plan.get("goals") or (), plan.get("services") or ()
        made = {"resourceType": "CarePlan", "id": resource_id(uuid, "CarePlan", ""), "intent": "plan"}
        made["extension"] = [of_episode(uuid)]
        identify(made, case)
        if plan.get("status"):
            made["status"] = PLAN_STATUS[plan["status"]]
        if case.get("care_model"):
            made["category"] = [concept(self.models[case["care_model"]])]
        for key in ("title", "description"):
            if plan.get(key):
                made[key] = plan[key]
        made["subject"] = reference(client["uuid"], "Patient", "")
        put(made, "period", period(plan.get("period")))
        if plan.get("author"):
            made["author"] = reference(plan["author"]["uuid"], "Practitioner", "")
        made["careTeam"] = [reference(uuid, "CareTeam", "")]
        put(made, "addresses", references(uuid, "Condition", case.get("conditions")))
        made["supportingInfo"] = [
            reference(uuid, "EpisodeOfCare", ""),
            *(reference(uuid, "Observation", f"assessment.{a['id']}") for a in case.get("assessments") or ()),
            *references(uuid, "DocumentReference", case.get("documents")),
        ]
        put(made, "goal", references(uuid, "Goal", goals))
        put(made, "activity", activities(uuid, plan, services))
        made["text"] = narrative(self.plan_in_words(plan, goals, services))
        return made

    def plan_in_words(self, plan: dict[str, Any], goals: Any, services: Any) -> str:
        phrases, parts = self.phrases, [f"<p>{escape(plan['title'])}</p>"]
        if goals:
            listed = "".join([self.goal_in_words(goal) for goal in goals])
            parts.append(f"<p>{phrases['goals']}</p><ul>{listed}</ul>")
        if services:
            listed = "".join([self.service_in_words(service) for service in services])
            parts.append(f"<p>{phrases['services']}</p><ul>{listed}</ul>")
        if appointments := plan.get("appointments"):
            states = self.spans["appointment-state"]
            listed = "".join([f"<li>{a['start'][:10]}: {states[a['status']]}</li>" for a in appointments])
            parts.append(f"<p>{phrases['appointments']}</p><ul>{listed}</ul>")
        if check_ins := plan.get("check_ins"):
            media, states = self.spans["check-in-medium"], self.spans["check-in-status"]
            listed = "".join(
                [
                    f"<li>{entry['planned'][:10]}: {media[entry['medium']]}, {states[entry['status']]}</li>"
                    for entry in check_ins
                ]
            )
            parts.append(f"<p>{phrases['check-ins']}</p><ul>{listed}</ul>")
        return "".join(parts)

    def goal_in_words(self, goal: dict[str, Any]) -> str:
        text, target = f"<li>{escape(goal['description'])}", goal.get("target") or {}
        if target.get("text"):
            text += f"; {self.phrases['target']}: {escape(target['text'])}"
        elif target.get("quantity") is not None:
            text += f"; {self.phrases['target']}: {target['quantity']} {escape(target.get('unit', ''))}"
        if target.get("due"):
            text += f" ({target['due']})"
        if goal.get("progress"):
            latest = goal["progress"][-1]
            text += f"; {self.spans['goal-progress'][latest['achievement']]} ({latest['date']})"
        return f"{text}</li>"

    def service_in_words(self, service: dict[str, Any]) -> str:
        spans = self.spans
        kind, status = spans["service-kind"][service["kind"]], spans["service-status"][service["status"]]
        text, planned = f"<li>{kind}: {status}", service.get("period") or {}
        if schedule := service.get("schedule"):
            unit = spans["schedule-unit"][schedule["unit"]]
            text += f"; {schedule['frequency']} \u00d7 / {schedule['period']} {unit}"
        if planned.get("start"):
            text += f"; {planned['start']}"
        if planned.get("end"):
            text += f" {self.phrases['until']} {planned['end']}"
        return f"{text}</li>"

    def team(self, case: dict[str, Any], client: dict[str, Any]) -> dict[str, Any]:
        members = case.get("team") or ()
        made = {"resourceType": "CareTeam", "id": resource_id(case["uuid"], "CareTeam", "")}
        made["extension"] = [of_episode(case["uuid"])]
        identify(made, case)
        if case.get("status"):
            made["status"] = TEAM_STATUS[case["status"]]
        made["subject"] = reference(client["uuid"], "Patient", "")
        put(made, "period", period(case.get("period")))
        put(made, "participant", [self.member(member, client) for member in members])
        if case.get("managing_organization"):
            organization = case["managing_organization"]["uuid"]
            made["managingOrganization"] = [reference(organization, "Organization", "")]
        listed = "".join([self.member_in_words(member, client) for member in members])
        named = f"<p>{self.phrases['care-team']}</p>"
        made["text"] = narrative(f"{named}<ul>{listed}</ul>" if members else named)
        return made

    def member_in_words(self, member: dict[str, Any], client: dict[str, Any]) -> str:
        name = member.get("name")
        named = f": {escape(name)}" if name and not hidden(member, client) else ""
        return f"<li>{self.titles[member['role']]}{named}</li>"

    def member(self, member: dict[str, Any], client: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {"id": member["id"]}
        deputised = member.get("deputy_for")
        if deputised and not hidden(deputised, client):
            made["extension"] = [{"url": DEPUTY, "valueReference": who(deputised, client)}]
        made["role"] = [concept(self.roles[member["role"]])]
        if not hidden(member, client):
            put(made, "member", who(member, client))
        put(made, "period", period(member.get("period")))
        return made


def concept(codings: Any) -> dict[str, Any]:
    return {"coding": [dict(coding) for coding in codings]}


def hidden(member: dict[str, Any], client: dict[str, Any]) -> bool:
    return bool(client.get("protected_identity")) and member["role"] == "community"


def who(member: dict[str, Any], client: dict[str, Any]) -> dict[str, str]:
    made = {}
    for key, type_ in MEMBERS:
        if member.get(key):
            made = reference(member[key]["uuid"], type_, "")
    if member.get("related_person"):
        made = reference(client["uuid"], "RelatedPerson", member["related_person"]["id"])
    if member.get("name"):
        made["display"] = member["name"]
    return made


def _span(name: str, code: str, display: str) -> str:
    return f'<span class="{name}|{code}">{escape(display)}</span>'


def activities(uuid: str, plan: dict[str, Any], services: Any) -> list[dict[str, Any]]:
    planned = references(uuid, "ServiceRequest", services)
    planned += references(uuid, "Appointment", plan.get("appointments"))
    made: list[dict[str, Any]] = [{"reference": planned_} for planned_ in planned]
    for check_in in plan.get("check_ins") or ():
        activity: dict[str, Any] = {}
        if check_in.get("status") == "completed":
            activity["outcomeReference"] = [reference(uuid, "Communication", check_in["id"])]
        activity["reference"] = reference(uuid, "CommunicationRequest", check_in["id"])
        made.append(activity)
    return made


def identify(made: dict[str, Any], case: dict[str, Any]) -> None:
    put(made, "identifier", [identifier(number) for number in case.get("identifiers") or ()])


def identifier(document: dict[str, Any]) -> dict[str, Any]:
    made = {key: document[key] for key in ("use", "system", "value") if document.get(key)}
    if document.get("type"):
        made["type"] = {"coding": [{"system": TYPES, "code": document["type"]}]}
    put(made, "period", period(document.get("period")))
    return made


def put(made: dict[str, Any], key: str, value: Any) -> None:
    if value:
        made[key] = value


def period(document: dict[str, Any] | None) -> dict[str, Any] | None:
    return {key: document[key] for key in ("start", "end") if document.get(key)} if document else None


def reference(uuid: str, type_: str, key: str) -> dict[str, str]:
    return {"reference": f"{type_}/{resource_id(uuid, type_, key)}"}


def of_episode(uuid: str) -> dict[str, Any]:
    return {"url": EPISODE, "valueReference": reference(uuid, "EpisodeOfCare", "")}


def references(uuid: str, type_: str, items: Any) -> list[dict[str, str]]:
    return [reference(uuid, type_, item["id"]) for item in items or ()]


def narrative(inside: str) -> dict[str, str]:
    return {"status": "generated", "div": f"{DIV}{inside}</div>"}
