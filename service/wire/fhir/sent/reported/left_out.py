"""Issues for what was sent and is not used: entered in error, no longer active, or of the wrong type.

https://hl7.org/fhir/R4/condition-definitions.html#Condition.verificationStatus
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from service.errors import Issue
from service.wire.fhir.exchange.bundles import USED, is_part
from service.wire.fhir.sent.people import is_over
from service.wire.fhir.sent.stay import WRONG, condition_of, is_anothers, is_payer, is_wrong

Json = dict[str, Any]
# the types that tell of a stay or its patient, and by what
_ABOUT: Final = {"Condition": "subject", "Coverage": "beneficiary", "RelatedPerson": "patient"}
_ANOTHERS: Final = "Of another patient than the stay with which it is told; it was left out: correct either."
_PEOPLE: Final = ("Patient", "Practitioner", "PractitionerRole", "RelatedPerson")


def set_aside(sent: Json, roots: Sequence[Json]) -> Iterator[Issue]:
    """Give each fact that nothing is made of for what is said of it, with its place.

    Args:
        sent: a Bundle or an Encounter, its references led to what they lead to.
        roots: what `incoming.stays` read of it.
    """
    used = {id(resource) for root in roots for resource in _used_resources(root)}
    others = {
        id(resource)
        for root in roots
        for resource in _used_resources(root)
        if _is_strangers(resource, root["encounter"])
    }
    in_bundle = sent.get("resourceType") == "Bundle"
    for index, entry in enumerate(sent.get("entry", []) if in_bundle else [{"resource": sent}]):
        resource = entry.get("resource")
        # nobody has looked at what tells of no stay
        if resource is None or resource.get("resourceType") not in USED:
            continue
        place = f"Bundle.entry[{index}].resource" if in_bundle else str(resource.get("resourceType"))
        yield from _of_resource(resource, place)
        subject = _ABOUT.get(str(resource.get("resourceType")))
        if roots and subject and id(resource) not in used:
            yield _issue(
                "This tells of no stay that was sent, and of nobody who was in one.", f"{place}.{subject}"
            )
        inside = [
            (part, f"{place}.contained[{nth}]") for nth, part in enumerate(resource.get("contained", []))
        ]
        for part, where in inside:
            yield from _of_resource(part, where)
        for part, where in ((resource, place), *inside):
            if id(part) in others:
                yield Issue(_ANOTHERS, f"{where}.subject", "value")


def _is_strangers(resource: Json, encounter: Json) -> bool:
    return resource.get("resourceType") == "Condition" and is_anothers(resource, encounter)


def _used_resources(root: Json) -> Iterator[Json]:
    for name in ("conditions", "coverages", "related_persons"):
        yield from root[name]
    encounter = root["encounter"]
    references = (
        *(diagnosis.get("condition", {}) for diagnosis in encounter.get("diagnosis", [])),
        *(participant.get("individual", {}) for participant in encounter.get("participant", [])),
        *encounter.get("reasonReference", []),
    )
    yield from (reference["resource"] for reference in references if "resource" in reference)


def _of_resource(resource: Json, place: str) -> Iterator[Issue]:
    type_ = resource.get("resourceType")
    if type_ == "Encounter":
        yield from _of_encounter(resource, place)
    elif type_ == "Condition" and is_wrong(resource):
        yield _issue("Entered in error: it is no diagnosis.", f"{place}.verificationStatus")
    elif type_ == "Coverage" and resource.get("status") == WRONG:
        yield _issue("Entered in error: it is no insurance.", f"{place}.status")
    elif type_ == "Coverage" and not any(map(is_payer, resource.get("payor", []))):
        what = "A person pays, no insurer: it is kept with the message alone."
        yield _issue(what, f"{place}.payor")
    elif type_ == "PractitionerRole" and resource.get("active") is False:
        yield _issue("This role is over; who has it is kept as somebody who took part.", f"{place}.active")
    if type_ in _PEOPLE:
        yield from _silent(resource, place)
        for nth, contact in enumerate(resource.get("contact", []) if type_ == "Patient" else ()):
            yield from _silent(contact, f"{place}.contact[{nth}]")
    if type_ in {"Encounter", "Patient"}:
        yield from _nobodys(resource, place)
    if type_ == "Patient":
        yield from _language_issues(resource.get("communication", []), place)
        yield from _former(resource.get("generalPractitioner", []), place)


def _of_encounter(encounter: Json, place: str) -> Iterator[Issue]:
    if is_part(encounter):
        what = "A part of a stay; not used: the stay itself tells of it."
        yield _issue(what, f"{place}.partOf")
        return
    for nth, diagnosis in enumerate(encounter.get("diagnosis", [])):
        target = diagnosis.get("condition", {}).get("resource")
        if target is not None and condition_of(diagnosis["condition"]) is None:
            what = f"This leads to a {target.get('resourceType')}; a diagnosis is a Condition."
            yield _issue(what, f"{place}.diagnosis[{nth}].condition.reference")


def _silent(person: Json, place: str) -> Iterator[Issue]:
    for nth, point in enumerate(person.get("telecom", [])):
        if not point.get("value"):
            yield _issue("Nothing to call or write to: send its value.", f"{place}.telecom[{nth}]")


def _nobodys(resource: Json, place: str) -> Iterator[Issue]:
    for nth, identifier in enumerate(resource.get("identifier", [])):
        if identifier.get("value") and not identifier.get("system"):
            yield _issue("Whose number this is, only a system says: send it.", f"{place}.identifier[{nth}]")


def _language_issues(communications: list[Json], place: str) -> Iterator[Issue]:
    if len(communications) > 1 and not any(
        communication.get("preferred") is True for communication in communications
    ):
        what = "None of several is preferred; the first is taken. Say which is."
        yield _issue(what, f"{place}.communication")


def _former(doctors: list[Json], place: str) -> Iterator[Issue]:
    for nth, doctor in enumerate(doctors):
        if is_over(doctor):
            what = "No longer active: it is not the doctor whom the patient has now."
            yield _issue(what, f"{place}.generalPractitioner[{nth}]")


def _issue(what: str, where: str) -> Issue:
    return Issue(what, where, "informational")
