"""Segments of ADT messages as tests of the inbound mapping write them."""

from service.values.access.scope import Partner

MERCY = Partner("mercy", "hospital")
TABLE = "http://terminology.hl7.org/CodeSystem/v2-"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
SNOMED = "http://snomed.info/sct"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
LOCAL = "urn:casebridge:coding-system:mercy"


def at(name, **fields):
    """A segment with some fields by number, `f8="F"`."""
    numbered = {int(key[1:]): value for key, value in fields.items()}
    return "|".join((name, *(numbered.get(number, "") for number in range(1, max(numbered) + 1))))


def places(understood_):
    return [(note.where, note.code) for note in understood_.notes]


PID = at("PID", f3="4711^^^MERCY^MR")
