"""The operations that we define, as OperationDefinitions: https://hl7.org/fhir/R4/operationdefinition.html."""

from hashlib import sha256
from typing import Any, Final

from service.wire.json import canonical

Resource = dict[str, Any]
_OURS: Final = "https://casebridge.org/fhir/OperationDefinition/"
EVERYTHING: Final = {
    "EpisodeOfCare": f"{_OURS}EpisodeOfCare-everything",
    "Patient": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
}
"""The canonical of `$everything` of each type that it is asked of."""
DOCUMENT: Final = f"{_OURS}EpisodeOfCare-document"
"""The canonical of `$document` of an episode of care."""
_OF_EPISODE: Final[Resource] = {
    "resourceType": "OperationDefinition",
    "id": "EpisodeOfCare-everything",
    "language": "en",
    "url": EVERYTHING["EpisodeOfCare"],
    "name": "EpisodeOfCareEverything",
    "title": "Everything of a case",
    "status": "active",
    "kind": "operation",
    "experimental": False,
    "description": (
        "All of a case that the asker may see: the episode, the team, the plan with all it contains, the "
        "patient with related persons and coverages, and the practitioners, organizations and locations "
        "that these refer to. Pages follow each other by their next links; no resource stands on two."
    ),
    "affectsState": False,
    "code": "everything",
    "resource": ["EpisodeOfCare"],
    "system": False,
    "type": False,
    "instance": True,
    "parameter": [
        {
            "name": "_since",
            "use": "in",
            "min": 0,
            "max": "1",
            "documentation": "Resources that were stored at this instant or later.",
            "type": "instant",
        },
        {
            "name": "_type",
            "use": "in",
            "min": 0,
            "max": "*",
            "documentation": "Resources of these types; in an address with commas between.",
            "type": "code",
        },
        {
            "name": "_count",
            "use": "in",
            "min": 0,
            "max": "1",
            "documentation": "How many resources a page has at most.",
            "type": "integer",
        },
        {
            "name": "return",
            "use": "out",
            "min": 1,
            "max": "1",
            "documentation": "A searchset: what is of the case matches, what that refers to is included.",
            "type": "Bundle",
        },
    ],
}
_DOCUMENT: Final[Resource] = {
    "resourceType": "OperationDefinition",
    "id": "EpisodeOfCare-document",
    "language": "en",
    "url": DOCUMENT,
    "name": "EpisodeOfCareDocument",
    "title": "A case as a document",
    "status": "active",
    "kind": "operation",
    "experimental": False,
    "description": (
        "A case as one document that people read and file: a Bundle of the type document. Its Composition "
        "tells by itself who the team are, what the goals, services, appointments and check-ins are and how "
        "they stand, in the language that is asked for; behind it stands what that refers to, as far as the "
        "asker may see it. It is made when it is asked for, and nothing is stored; the same state gives the "
        "same bytes, with the same entity tag."
    ),
    "affectsState": False,
    "code": "document",
    "resource": ["EpisodeOfCare"],
    "system": False,
    "type": False,
    "instance": True,
    "parameter": [
        {
            "name": "return",
            "use": "out",
            "min": 1,
            "max": "1",
            "documentation": "The document.",
            "type": "Bundle",
        },
    ],
}


def operation_definitions() -> tuple[Resource, ...]:
    """Return the definition of each operation of ours; `version` changes with the content."""
    return tuple(
        defined | {"version": sha256(canonical(defined)).hexdigest()[:12]}
        for defined in (_DOCUMENT, _OF_EPISODE)
    )
