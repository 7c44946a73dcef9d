"""What is sent to have members matched, and what is answered of one, as Parameters.

https://hl7.org/fhir/us/davinci-hrex/OperationDefinition-member-match.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.errors import Issue, Malformed
from service.wire.fhir.check.check import check
from service.wire.fhir.exchange.parameters import parameters, part
from service.wire.parameters import shown

Json = dict[str, Any]
UNIQUE_MEMBER: Final = {
    "system": "http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp",
    "code": "UMB",
    "display": "Unique Member Identifier",
}
"""The type of the identifier by which a member is known to whom the operation was sent."""
PATIENT: Final = "MemberPatient"
COVERAGE: Final = "CoverageToMatch"
LINKED: Final = "CoverageToLink"
CONSENT: Final = "Consent"
BUNDLE: Final = "MemberBundle"
_TYPES: Final = {PATIENT: "Patient", COVERAGE: "Coverage", LINKED: "Coverage", CONSENT: "Consent"}
_NEEDED: Final = (PATIENT, COVERAGE)
MOST: Final = 50
"""How many identifiers, names or payers somebody may be described by: each is compared with each."""
_COMPARED: Final = {"Patient": ("identifier", "name"), "Coverage": ("identifier", "payor")}


@dataclass(frozen=True, slots=True)
class SubmittedMember:
    """Who is to be matched: demographics, the coverage of the card, and what permits to tell."""

    patient: Json
    coverage: Json
    consent: Json | None = None


def member_of(document: Any) -> SubmittedMember:
    """Return whom a Parameters resource of `$member-match` is about.

    What `CoverageToLink` says, how the asker insures the member, is checked and not used.

    Raises:
        Malformed: it is no valid Parameters, a parameter is not known, missing or given twice, or what is to
            be of the member refers to somebody else.
    """
    return _member(_valid_parameters(document).get("parameter", []), "Parameters.parameter")


def _valid_parameters(document: Any) -> Json:
    if not isinstance(document, dict) or document.get("resourceType") != "Parameters":
        raise Malformed("The body is no Parameters resource; send one.", where="resourceType")
    if wrong := check(document):
        raise Malformed("The body is not valid R4.", issues=wrong)
    return document


def _member(parts: Sequence[Json], where: str) -> SubmittedMember:
    """Return the member of parameters, or of the parts of one."""
    found: dict[str, Json] = {}
    for number, each in enumerate(parts):
        name, place = each["name"], f"{where}[{number}]"
        if name not in _TYPES:
            what = f"Not a parameter that is taken here; known are {', '.join(_TYPES)}."
            raise Malformed(what, issues=[Issue(what, shown(name), "not-supported")])
        if name in found:
            raise Malformed("Given more than once; give it once.", where=f"{place}.name")
        sent = each.get("resource")
        if not isinstance(sent, dict) or sent["resourceType"] != _TYPES[name]:
            raise Malformed(f"{name} holds a resource of type {_TYPES[name]}.", where=f"{place}.resource")
        for element in _COMPARED.get(_TYPES[name], ()):
            if len(sent.get(element, ())) > MOST:
                raise Malformed(f"Send at most {MOST} of these.", where=f"{name}.{element}")
        found[name] = sent
    missing = [name for name in _NEEDED if name not in found]
    if missing:
        raise Malformed(f"There is no {' and no '.join(missing)}.", where=where)
    if wrong := list(_of_others(found)):
        raise Malformed("Something refers to another patient.", issues=wrong)
    return SubmittedMember(found[PATIENT], found[COVERAGE], found.get(CONSENT))


def _of_others(found: dict[str, Json]) -> Iterator[Issue]:
    """Give what does not refer to the patient that was sent."""
    own = f"Patient/{found[PATIENT].get('id', '')}"
    for name, element in ((COVERAGE, "beneficiary"), (LINKED, "beneficiary"), (CONSENT, "patient")):
        if name in found and found[name].get(element, {}).get("reference") != own:
            what = f"Refer to {PATIENT} by its type and id: Patient/<id>."
            yield Issue(what, f"{name}.{element}.reference", "value")


def answer_of(patient: Json, base: str) -> Json:
    """Return the answer that tells who was matched: a Patient of ours; `base` is our address."""
    reference = {"reference": f"Patient/{patient['id']}"}
    identifier = part("MemberIdentifier", "Identifier", _unique_identifier(patient, base))
    return parameters([identifier, part("MemberId", "Reference", reference)])


def _unique_identifier(patient: Json, base: str) -> Json:
    """Return by which of its identifiers a patient is found: a member number, else the one that is used.

    The id, under a system of ours, stands for who has none.
    """
    lasting = [
        identifier
        for identifier in patient.get("identifier", ())
        if identifier.get("system") and identifier.get("value")
        if identifier.get("use") not in {"old", "temp", "secondary"}
    ]
    chosen = next(iter(sorted(lasting, key=_rank)), {"system": f"{base}/Patient", "value": patient["id"]})
    coding = [*chosen.get("type", {}).get("coding", ()), UNIQUE_MEMBER]
    return {**chosen, "type": {**chosen.get("type", {}), "coding": coding}}


def _rank(identifier: Json) -> tuple[bool, bool]:
    codes = {coding.get("code") for coding in identifier.get("type", {}).get("coding", ())}
    return "MB" not in codes, identifier.get("use") != "official"


def members_of(document: Any, most: int) -> list[dict[str, Json]]:
    """Return whom a Parameters resource of PDex is about: the resources of each by the names of their parts.

    https://hl7.org/fhir/us/davinci-pdex/OperationDefinition-BulkMemberMatch.html

    Raises:
        Malformed: as `member_of`; a member comes without Consent, two different patients have one id, or one
            has none; there are none or more than `most`.
    """
    bundles = _valid_parameters(document).get("parameter", [])
    members: list[dict[str, Json]] = []
    patients: dict[str, Json] = {}
    for number, each in enumerate(bundles):
        where = f"Parameters.parameter[{number}]"
        if each["name"] != BUNDLE:
            raise Malformed(f"Not a parameter that is taken here; known is {BUNDLE}.", where=f"{where}.name")
        sent = _member(each.get("part", []), f"{where}.part")
        if sent.consent is None:
            raise Malformed(f"There is no {CONSENT}.", where=f"{where}.part")
        if "id" not in sent.patient or patients.setdefault(sent.patient["id"], sent.patient) != sent.patient:
            raise Malformed("Give each patient an id of their own: they are told of by it.", where=where)
        if "contained" in sent.patient:
            raise Malformed(
                "Send it without what it contains: it is itself contained in a Group.", where=where
            )
        members.append({PATIENT: sent.patient, COVERAGE: sent.coverage, CONSENT: sent.consent})
    if not 0 < len(members) <= most:
        raise Malformed(f"Send from 1 to {most} members at once.", where="Parameters.parameter")
    return members


def member_of_sent(sent: dict[str, Json]) -> SubmittedMember:
    """Return a member as `members_of` gave them."""
    return SubmittedMember(sent[PATIENT], sent[COVERAGE], sent[CONSENT])
