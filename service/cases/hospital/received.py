"""What hospitals brought into a case or a client: the service-owned parts, and the document with them in.

Who owns what: a case system's document says what the case system knows, `received` what hospitals said. A
part of the document's own lists that has the id of a received one stands in its place (that is how a
proposed service is accepted); stays are the hospitals' alone.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from service.cases.facts import day, facts_below, value
from service.cases.hospital import conditions, recurring
from service.cases.hospital.discharge import PERSONAL, condition_id, digest
from service.cases.hospital.stays import contacts, diagnoses, stay_of
from service.cases.identity.identifiers import once, public
from service.cases.pathways import propose
from service.values.inbound.pathways import Pathway
from service.values.kept.facts import Facts

# Demographics: the document's own word where it has one, the hospital's latest where it has none …
FILLS: Final = tuple(name for name in PERSONAL if name != "protected_identity")
# … the whereabouts of somebody are protected when either side says so.
EITHER: Final = "protected_identity"
OF_INSURANCE: Final = (
    "subscriber_id",
    "policy_number",
    "member_id",
    "relationship",
    "group",
    "plan",
    "kind",
    "period",
)
REFUTED: Final = "refuted"
LISTS: Final = ("stays", "conditions", "team", "related_persons", "coverages")

# Of a `hospital`, `insurer` or `practitioner` as a hospital names it, the uuid of its directory entry; None
# for a practitioner without an identifier to be known by.
Link = Callable[[str, dict[str, Any]], str | None]
# … by the partner who names it: what has no identifier is known by whose word it is.
Links = Callable[[str], Link]


def of_case(
    stays: Mapping[str, Facts],
    *,
    died: bool,
    group: str | None,
    pathways: Sequence[Pathway],
    links: Links,
) -> dict[str, Any]:
    """Return what hospitals brought into a case: stays, diagnoses, people at the hospital, proposals.

    Args:
        stays: facts by the stay's key.
        died: whether the client is known to have died: nothing is proposed then.
        group: the targeted group of the case.
        pathways: what to propose.
        links: find directory entries.
    """
    parts: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in ("stays", "conditions", "team")}
    services: list[dict[str, Any]] = []
    stay_parts = {key: stay_of(key, facts) for key, facts in sorted(stays.items())}
    # of a stay that never was there are no diagnoses
    diagnoses_of = {
        key: diagnoses(stays[key]) if stay_parts[key]["status"] != "cancelled" else [] for key in stay_parts
    }
    begun = {
        key: (stay.get("period", {}).get("start", ""), diagnoses_of[key]) for key, stay in stay_parts.items()
    }
    conditions_of = recurring.conditions(begun)
    for key, stay in stay_parts.items():
        facts = stays[key]
        coded = [
            (diagnosis, conditions_of[key, condition_id(diagnosis["code"])])
            for diagnosis in diagnoses_of[key]
        ]
        stay_conditions = _once(condition for _, condition in coded)
        for condition in stay_conditions:
            parts["conditions"].setdefault(condition["id"], condition)
        partner = value(facts, "partner")
        link = links(partner)
        hospital = stay.pop("hospital", None) or {"partner": partner}
        people = contacts(facts)
        for member in _team(hospital, people, link):
            parts["team"].setdefault(member["id"], member)
        if stay["status"] == "finished" and not died:
            ended = stay.get("period", {}).get("end") or day(facts["status"].at)
            likely = [
                condition for condition in stay_conditions if condition.get("verification_status") != REFUTED
            ]
            services += propose(pathways, stay["id"], ended, likely, group)
        diagnoses_with_ids = [(diagnosis, condition["id"]) for diagnosis, condition in coded]
        parts["stays"][key] = _stay_with_links(stay, hospital, diagnoses_with_ids, people, link)
    received: dict[str, Any] = {name: list(by_id.values()) for name, by_id in parts.items() if by_id}
    return {**received, "plan": {"services": services}} if services else received


def of_client(facts: Facts, links: Links) -> dict[str, Any]:
    """Return what hospitals said about a client."""
    received = {name: value(facts, name) for name in PERSONAL}
    received["identifiers"] = once(identifier for _, identifier in facts_below(facts, "identifiers"))
    kin = [person for _, group in facts_below(facts, "related_persons") for person in group]
    received["related_persons"] = _once({"id": f"kin-{_name(person)}", **person} for person in kin)
    insurances = [(by, insurance) for by, group in facts_below(facts, "coverages") for insurance in group]
    received["coverages"] = _once(_coverage(insurance, links(by)) for by, insurance in insurances)
    return {name: part for name, part in received.items() if part not in (None, [], "")}


def unfounded_proposals(own: dict[str, Any], received: dict[str, Any]) -> dict[str, list[str]]:
    """Return the accepted proposals whose discharge was cancelled; decided and completed ones not."""
    standing = [f"{stay['id']}." for stay in received.get("stays", []) if stay["status"] != "finished"]
    ids = [
        service["id"]
        for service in own.get("plan", {}).get("services", [])
        if service["id"].startswith(tuple(standing)) and service["status"] not in {"cancelled", "completed"}
    ]
    return {"unfounded": ids} if ids else {}


def with_referenced_parts(
    received: dict[str, Any], before: dict[str, Any], referenced_ids: Collection[str]
) -> dict[str, Any]:
    """Return `received` with the parts that are no longer said, but that the document's own parts name."""
    result = dict(received)
    for name in LISTS:
        ids = {part["id"] for part in received.get(name, [])}
        left = [
            part for part in before.get(name, []) if part["id"] in referenced_ids and part["id"] not in ids
        ]
        if left:
            result[name] = [*received.get(name, []), *left]
    services = received.get("plan", {}).get("services", [])
    ids = {service["id"] for service in services}
    left = [
        {**service, "status": "cancelled"}
        for service in before.get("plan", {}).get("services", [])
        if service["id"] in referenced_ids and service["id"] not in ids
    ]
    if left:
        result["plan"] = {"services": [*services, *left]}
    return result


def whole(kind: str, body: dict[str, Any], received: dict[str, Any]) -> dict[str, Any]:
    """Return a document with what hospitals brought in; neither is changed."""
    if not received:
        return body
    return _whole_case(body, received) if kind == "case" else _whole_client(body, received)


def _whole_case(body: dict[str, Any], received: dict[str, Any]) -> dict[str, Any]:
    own, received_conditions = body.get("conditions", []), received.get("conditions", [])
    same = conditions.same(own, received_conditions)
    result = dict(body)
    if same:
        result["conditions"] = conditions.own_conditions_with_codes(own, received_conditions, same)
    _add(
        result, "conditions", [condition for condition in received_conditions if condition["id"] not in same]
    )
    _add(result, "team", received.get("team", []))
    _add(result, "stays", [_stay_with_condition_ids(stay, same) for stay in received.get("stays", [])])
    services = received.get("plan", {}).get("services", [])
    if services:
        result["plan"] = dict(body.get("plan", {}))
        _add(result["plan"], "services", [_service_with_reasons(service, same) for service in services])
    return result


def _whole_client(body: dict[str, Any], received: dict[str, Any]) -> dict[str, Any]:
    result = dict(body)
    for name in FILLS:
        if not result.get(name) and name in received:
            result[name] = received[name]
    if received.get(EITHER):
        result[EITHER] = True
    own_numbers = {(identifier["system"], identifier["value"]) for identifier in body.get("identifiers", [])}
    extra = [e for e in received.get("identifiers", []) if (e["system"], e["value"]) not in own_numbers]
    if extra:
        result["identifiers"] = [*body.get("identifiers", []), *extra]
    for name in ("related_persons", "coverages"):
        _add(result, name, received.get(name, []))
    return result


def _add(body: dict[str, Any], name: str, parts: list[dict[str, Any]]) -> None:
    own = body.get(name, [])
    ids = {part["id"] for part in own}
    extra = [part for part in parts if part["id"] not in ids]
    if extra:
        body[name] = [*own, *extra]


def _stay_with_condition_ids(stay: dict[str, Any], same: dict[str, str]) -> dict[str, Any]:
    if "diagnoses" not in stay:
        return stay
    stay_diagnoses = [
        {**diagnosis, "condition": same.get(diagnosis["condition"], diagnosis["condition"])}
        for diagnosis in stay["diagnoses"]
    ]
    ids = list(dict.fromkeys(diagnosis["condition"] for diagnosis in stay_diagnoses))
    return {**stay, "conditions": ids, "diagnoses": stay_diagnoses}


def _service_with_reasons(service: dict[str, Any], same: dict[str, str]) -> dict[str, Any]:
    necessity = service.get("necessity", {})
    if necessity.get("condition") not in same:
        return service
    return {**service, "necessity": {**necessity, "condition": same[necessity["condition"]]}}


def _stay_with_links(
    stay: dict[str, Any],
    hospital: dict[str, Any],
    diagnoses_with_ids: list[tuple[dict[str, Any], str]],
    people: list[dict[str, Any]],
    link: Link,
) -> dict[str, Any]:
    uuid = link("hospital", hospital)
    extra = {
        "hospital": uuid,
        "participants": _once(_participant(person, link) for person in people),
        "conditions": list(dict.fromkeys(id_ for _, id_ in diagnoses_with_ids)),
        "diagnoses": [_diagnosis(*pair) for pair in diagnoses_with_ids],
    }
    return {**stay, **{name: part for name, part in extra.items() if part}}


def _diagnosis(diagnosis: dict[str, Any], condition: str) -> dict[str, Any]:
    extra = {name: diagnosis[of] for name, of in (("use", "kind"), ("rank", "rank")) if of in diagnosis}
    return {"condition": condition, **extra}


def _team(hospital: dict[str, Any], people: list[dict[str, Any]], link: Link) -> list[dict[str, Any]]:
    members = []
    organization = link("hospital", hospital)
    if organization is not None:
        members.append(
            {"id": f"hospital-{organization[:8]}", "role": "hospital-contact", "organization": organization}
        )
    for person in people:
        role = "physician" if person["role"] == "primary-care" else "hospital-contact"
        member = {"id": f"contact-{_name(person)}", "role": role, **_who(person, link)}
        members.append({**member, **({"period": person["period"]} if "period" in person else {})})
    return members


def _participant(person: dict[str, Any], link: Link) -> dict[str, Any]:
    period = {"period": person["period"]} if "period" in person else {}
    sent = {"role_as_sent": person["role_as_sent"]} if "role_as_sent" in person else {}
    return {"id": f"contact-{_name(person)}", "role": person["role"], **sent, **_who(person, link), **period}


def _who(person: dict[str, Any], link: Link) -> dict[str, str]:
    practitioner = link("practitioner", person)
    return {"name": text_of(person)} if practitioner is None else {"practitioner": practitioner}


def _coverage(insurance: dict[str, Any], link: Link) -> dict[str, Any]:
    """Return an insurance as a draft, unless it is over: only an active one makes a membership."""
    payer = insurance["payer"]
    extra: dict[str, Any] = {name: insurance[name] for name in OF_INSURANCE if name in insurance}
    status = "cancelled" if insurance.get("status") == "cancelled" else "draft"
    number = insurance.get("subscriber_id", insurance.get("member_id", ""))
    numbers = [public(identifier) for identifier in payer["identifiers"]] if "identifiers" in payer else ""
    key = digest(payer.get("name", ""), str(numbers) + number)
    return {"id": f"cov-{key[:16]}", "status": status, "payer": link("insurer", payer), **extra}


def text_of(who: dict[str, Any]) -> str:
    """Return somebody's name as words."""
    name = who["names"][0] if who.get("names") else {}
    return name.get("text") or " ".join([*name.get("given", []), name.get("family", "")]).strip() or "?"


def _name(who: dict[str, Any]) -> str:
    """Return a digest by which the same person is the same next time."""
    identifiers = who.get("identifiers", [])
    key = identifiers[0]["system"] + identifiers[0]["value"] if identifiers else text_of(who)
    if not identifiers and not who.get("names"):
        key = str(who.get("telecom", ""))
    return digest(who.get("role", who.get("relationship", "")), key)[:16]


def _once(parts: Any) -> list[dict[str, Any]]:
    by_id: dict[str, dict[str, Any]] = {}
    for part in parts:
        by_id.setdefault(part["id"], part)
    return list(by_id.values())
