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
from service.values.facts import Facts
from service.values.pathways import Pathway

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
    known = {key: stay_of(key, facts) for key, facts in sorted(stays.items())}
    # of a stay that never was there are no diagnoses
    told = {key: diagnoses(stays[key]) if known[key]["status"] != "cancelled" else [] for key in known}
    begun = {key: (stay.get("period", {}).get("start", ""), told[key]) for key, stay in known.items()}
    conditions_of = recurring.conditions(begun)
    for key, stay in known.items():
        facts = stays[key]
        coded = [(each, conditions_of[key, condition_id(each["code"])]) for each in told[key]]
        found = _once(condition for _, condition in coded)
        for each in found:
            parts["conditions"].setdefault(each["id"], each)
        partner = value(facts, "partner")
        link = links(partner)
        hospital = stay.pop("hospital", None) or {"partner": partner}
        people = contacts(facts)
        for each in _team(hospital, people, link):
            parts["team"].setdefault(each["id"], each)
        if stay["status"] == "finished" and not died:
            ended = stay.get("period", {}).get("end") or day(facts["status"].at)
            likely = [each for each in found if each.get("verification_status") != REFUTED]
            services += propose(pathways, stay["id"], ended, likely, group)
        named = [(each, condition["id"]) for each, condition in coded]
        parts["stays"][key] = _stay_with_links(stay, hospital, named, people, link)
    received: dict[str, Any] = {name: list(each.values()) for name, each in parts.items() if each}
    return {**received, "plan": {"services": services}} if services else received


def of_client(facts: Facts, links: Links) -> dict[str, Any]:
    """Return what hospitals said about a client."""
    received = {name: value(facts, name) for name in PERSONAL}
    received["identifiers"] = once(each for _, each in facts_below(facts, "identifiers"))
    kin = [each for _, group in facts_below(facts, "related_persons") for each in group]
    received["related_persons"] = _once({"id": f"kin-{_name(each)}", **each} for each in kin)
    insurances = [(by, each) for by, group in facts_below(facts, "coverages") for each in group]
    received["coverages"] = _once(_coverage(each, links(by)) for by, each in insurances)
    return {name: each for name, each in received.items() if each not in (None, [], "")}


def unfounded_proposals(own: dict[str, Any], received: dict[str, Any]) -> dict[str, list[str]]:
    """Return which accepted proposals have lost their discharge; decided and done ones are not told of."""
    standing = [f"{each['id']}." for each in received.get("stays", []) if each["status"] != "finished"]
    found = [
        each["id"]
        for each in own.get("plan", {}).get("services", [])
        if each["id"].startswith(tuple(standing)) and each["status"] not in {"cancelled", "completed"}
    ]
    return {"unfounded": found} if found else {}


def with_referenced_parts(
    received: dict[str, Any], before: dict[str, Any], named: Collection[str]
) -> dict[str, Any]:
    """Return `received` with the parts that are no longer said, but that the document's own parts name."""
    result = dict(received)
    for name in LISTS:
        known = {each["id"] for each in received.get(name, [])}
        left = [each for each in before.get(name, []) if each["id"] in named and each["id"] not in known]
        if left:
            result[name] = [*received.get(name, []), *left]
    services = received.get("plan", {}).get("services", [])
    known = {each["id"] for each in services}
    left = [
        {**each, "status": "cancelled"}
        for each in before.get("plan", {}).get("services", [])
        if each["id"] in named and each["id"] not in known
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
    own, told = body.get("conditions", []), received.get("conditions", [])
    same = conditions.same(own, told)
    result = dict(body)
    if same:
        result["conditions"] = conditions.own_conditions_with_codes(own, told, same)
    _add(result, "conditions", [each for each in told if each["id"] not in same])
    _add(result, "team", received.get("team", []))
    _add(result, "stays", [_stay_with_condition_ids(each, same) for each in received.get("stays", [])])
    services = received.get("plan", {}).get("services", [])
    if services:
        result["plan"] = dict(body.get("plan", {}))
        _add(result["plan"], "services", [_service_with_reasons(each, same) for each in services])
    return result


def _whole_client(body: dict[str, Any], received: dict[str, Any]) -> dict[str, Any]:
    result = dict(body)
    for name in FILLS:
        if not result.get(name) and name in received:
            result[name] = received[name]
    if received.get(EITHER):
        result[EITHER] = True
    known = {(each["system"], each["value"]) for each in body.get("identifiers", [])}
    more = [e for e in received.get("identifiers", []) if (e["system"], e["value"]) not in known]
    if more:
        result["identifiers"] = [*body.get("identifiers", []), *more]
    for name in ("related_persons", "coverages"):
        _add(result, name, received.get(name, []))
    return result


def _add(body: dict[str, Any], name: str, parts: list[dict[str, Any]]) -> None:
    own = body.get(name, [])
    known = {each["id"] for each in own}
    more = [each for each in parts if each["id"] not in known]
    if more:
        body[name] = [*own, *more]


def _stay_with_condition_ids(stay: dict[str, Any], same: dict[str, str]) -> dict[str, Any]:
    if "diagnoses" not in stay:
        return stay
    told = [
        {**each, "condition": same.get(each["condition"], each["condition"])} for each in stay["diagnoses"]
    ]
    ids = list(dict.fromkeys(each["condition"] for each in told))
    return {**stay, "conditions": ids, "diagnoses": told}


def _service_with_reasons(service: dict[str, Any], same: dict[str, str]) -> dict[str, Any]:
    necessity = service.get("necessity", {})
    if necessity.get("condition") not in same:
        return service
    return {**service, "necessity": {**necessity, "condition": same[necessity["condition"]]}}


def _stay_with_links(
    stay: dict[str, Any],
    hospital: dict[str, Any],
    told: list[tuple[dict[str, Any], str]],
    people: list[dict[str, Any]],
    link: Link,
) -> dict[str, Any]:
    uuid = link("hospital", hospital)
    more = {
        "hospital": uuid,
        "participants": _once(_participant(each, link) for each in people),
        "conditions": list(dict.fromkeys(id_ for _, id_ in told)),
        "diagnoses": [_diagnosis(*each) for each in told],
    }
    return {**stay, **{name: each for name, each in more.items() if each}}


def _diagnosis(said: dict[str, Any], condition: str) -> dict[str, Any]:
    more = {name: said[of] for name, of in (("use", "kind"), ("rank", "rank")) if of in said}
    return {"condition": condition, **more}


def _team(hospital: dict[str, Any], people: list[dict[str, Any]], link: Link) -> list[dict[str, Any]]:
    members = []
    organization = link("hospital", hospital)
    if organization is not None:
        members.append(
            {"id": f"hospital-{organization[:8]}", "role": "hospital-contact", "organization": organization}
        )
    for each in people:
        role = "physician" if each["role"] == "primary-care" else "hospital-contact"
        member = {"id": f"contact-{_name(each)}", "role": role, **_who(each, link)}
        members.append({**member, **({"period": each["period"]} if "period" in each else {})})
    return members


def _participant(said: dict[str, Any], link: Link) -> dict[str, Any]:
    period = {"period": said["period"]} if "period" in said else {}
    sent = {"role_as_sent": said["role_as_sent"]} if "role_as_sent" in said else {}
    return {"id": f"contact-{_name(said)}", "role": said["role"], **sent, **_who(said, link), **period}


def _who(said: dict[str, Any], link: Link) -> dict[str, str]:
    practitioner = link("practitioner", said)
    return {"name": text_of(said)} if practitioner is None else {"practitioner": practitioner}


def _coverage(said: dict[str, Any], link: Link) -> dict[str, Any]:
    """Return an insurance as a draft, unless it is over: only an active one makes a membership."""
    payer = said["payer"]
    more: dict[str, Any] = {name: said[name] for name in OF_INSURANCE if name in said}
    status = "cancelled" if said.get("status") == "cancelled" else "draft"
    number = said.get("subscriber_id", said.get("member_id", ""))
    known = [public(each) for each in payer["identifiers"]] if "identifiers" in payer else ""
    named = digest(payer.get("name", ""), str(known) + number)
    return {"id": f"cov-{named[:16]}", "status": status, "payer": link("insurer", payer), **more}


def text_of(who: dict[str, Any]) -> str:
    """Return somebody's name as words."""
    name = who["names"][0] if who.get("names") else {}
    return name.get("text") or " ".join([*name.get("given", []), name.get("family", "")]).strip() or "?"


def _name(who: dict[str, Any]) -> str:
    """Return a digest by which the same person is the same next time."""
    known = who.get("identifiers", [])
    named = known[0]["system"] + known[0]["value"] if known else text_of(who)
    if not known and not who.get("names"):
        named = str(who.get("telecom", ""))
    return digest(who.get("role", who.get("relationship", "")), named)[:16]


def _once(parts: Any) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in parts:
        found.setdefault(each["id"], each)
    return list(found.values())
