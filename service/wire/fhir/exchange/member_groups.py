"""The Groups that tell who of many members was matched.

https://hl7.org/fhir/us/davinci-pdex/StructureDefinition-pdex-member-match-group.html
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from service.values.jobs.matches import MatchedMember, MemberMatch, Outcome
from service.wire.fhir.exchange.member_match import COVERAGE, PATIENT

Json = dict[str, Any]
_PDEX: Final = "http://hl7.org/fhir/us/davinci-pdex"
_RESULTS: Final = f"{_PDEX}/CodeSystem/PdexMultiMemberMatchResultCS"
_SAID: Final = f"{_PDEX}/StructureDefinition/base-ext-match-parameters"
_SAID_COVERAGE: Final = f"{_PDEX}/StructureDefinition/base-ext-match-coverage"
_DISPLAYS: Final[dict[Outcome, str]] = {
    "match": "Matched",
    "nomatch": "Not Matched",
    "consentconstraint": "Consent Constraint",
}
_PROFILES: Final = {
    "bulk-member-match": ("pdex-member-match-group", "pdex-member-no-match-group"),
    "provider-member-match": ("pdex-provider-member-match", "pdex-provider-member-no-match"),
}
_OF_SERVER: Final = ("versionId", "lastUpdated", "security")


def group_id(match: MemberMatch, outcome: Outcome) -> str:
    """Return the id of the Group of those of a match with an outcome."""
    return f"{match.id}.{outcome}"


def group_of(
    match: MemberMatch,
    outcome: Outcome,
    members: Sequence[MatchedMember],
    asker: Sequence[tuple[str, str]],
    base: str,
) -> Json:
    """Return the Group of those of a match with an outcome; `asker` are the names of who asked.

    Each comes with the Patient as it was sent, and with the Coverage where one was sent with several.
    `members` are all of the match who are to be told; `base` is our address.
    """
    several = {
        id_ for id_, count in Counter(each.sent[PATIENT]["id"] for each in members).items() if count > 1
    }
    listed = [each for each in members if each.outcome == outcome]
    contained = {each.sent[PATIENT]["id"]: _contained(each.sent[PATIENT]) for each in listed}
    contained |= {
        _coverage_id(each): _coverage(each) for each in listed if each.sent[PATIENT]["id"] in several
    }
    profile = _PROFILES[match.operation][outcome != "match"]
    made: Json = {
        "resourceType": "Group",
        "id": group_id(match, outcome),
        "meta": {"profile": [f"{_PDEX}/StructureDefinition/{profile}"]},
        **({"contained": list(contained.values())} if contained else {}),
        "identifier": [{"system": f"{base}/Group", "value": group_id(match, outcome)}],
        "active": True,
        "type": "person",
        "actual": True,
        "code": _coded(outcome),
        "name": f"{_DISPLAYS[outcome]}, of a {match.operation}",
        "quantity": len(listed),
        "managingEntity": {
            "identifier": {"system": "urn:ietf:rfc:3986", "value": base},
            "display": "Casebridge",
        },
    }
    if outcome == "match":
        made["characteristic"] = [_characteristic(match, asker)]
    if listed:
        made["member"] = [{"entity": _entity(each, several)} for each in listed]
    return made


def _characteristic(match: MemberMatch, asker: Sequence[tuple[str, str]]) -> Json:
    names = [{"system": system, "value": value} for system, value in asker[:1]]
    return {
        "code": _coded("match"),
        "valueReference": {"type": "Organization", "display": match.partner}
        | ({"identifier": names[0]} if names else {}),
        "exclude": False,
        "period": {"start": match.at.date().isoformat()},
    }


def _entity(member: MatchedMember, several: set[str]) -> Json:
    own = f"#{member.sent[PATIENT]['id']}"
    extensions = [{"url": _SAID, "valueReference": {"reference": own}}]
    if member.sent[PATIENT]["id"] in several:
        extensions.append(
            {"url": _SAID_COVERAGE, "valueReference": {"reference": f"#{_coverage_id(member)}"}}
        )
    return {
        "extension": extensions,
        "reference": f"Patient/{member.patient}" if member.outcome == "match" else own,
    }


def _contained(resource: Json) -> Json:
    """Return a resource as it may be contained: what a server says of it is left out."""
    meta = {name: value for name, value in resource.get("meta", {}).items() if name not in _OF_SERVER}
    plain = {name: value for name, value in resource.items() if name != "meta"}
    return {**plain, **({"meta": meta} if meta else {})}


def _coverage(member: MatchedMember) -> Json:
    own = {name: value for name, value in member.sent[COVERAGE].items() if name != "contained"}
    return {**_contained(own), "id": _coverage_id(member)}


def _coverage_id(member: MatchedMember) -> str:
    return f"coverage-{member.number}"


def _coded(outcome: Outcome) -> Json:
    return {"coding": [{"system": _RESULTS, "code": outcome, "display": _DISPLAYS[outcome]}]}
