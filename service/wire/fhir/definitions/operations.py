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


def operation_definitions() -> tuple[Resource, ...]:
    """Return the definition of each operation of ours; `version` changes with the content."""
    return (_OF_EPISODE | {"version": sha256(canonical(_OF_EPISODE)).hexdigest()[:12]},)
