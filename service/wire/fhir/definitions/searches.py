"""The search parameters that we define, as SearchParameters: https://hl7.org/fhir/R4/searchparameter.html."""

from hashlib import sha256
from typing import Any, Final

from service.wire.json import canonical

Resource = dict[str, Any]
_EPISODE: Final = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
_OF_EPISODES: Final = (
    "CarePlan", "CareTeam", "Communication", "CommunicationRequest", "Condition", "Observation",
    "ServiceRequest",
)  # fmt: skip
OURS: Final[tuple[Resource, ...]] = (
    {
        "resourceType": "SearchParameter",
        "id": "episode-of-care",
        "language": "en",
        "url": "https://casebridge.org/fhir/SearchParameter/episode-of-care",
        "name": "EpisodeOfCareOfWorkflow",
        "status": "active",
        "experimental": False,
        "description": (
            "The episode of care, that is the case, in which it is planned, done or known: R4's extension "
            "workflow-episodeOfCare."
        ),
        "code": "episode-of-care",
        "base": list(_OF_EPISODES),
        "type": "reference",
        "expression": " | ".join(
            f"{type_}.extension.where(url = '{_EPISODE}').value.as(Reference)" for type_ in _OF_EPISODES
        ),
        "xpathUsage": "normal",
        "target": ["EpisodeOfCare"],
    },
)


def search_parameters() -> tuple[Resource, ...]:
    """Return the definition of each search parameter of ours; `version` changes with the content."""
    return tuple(each | {"version": sha256(canonical(each)).hexdigest()[:12]} for each in OURS)


def expressions(parameter: Resource) -> list[str]:
    """Return the expressions of a parameter of ours, one for each of its types.

    Each names the type that it leads to as R4's own do: what has a target resolves to it.
    """
    (target,) = parameter["target"]
    return [f"{each}.where(resolve() is {target})" for each in parameter["expression"].split(" | ")]


def canonical_of(type_: str, code: str) -> str | None:
    """Return the address of the definition of a parameter of a type, if it is ours."""
    return next((each["url"] for each in OURS if each["code"] == code and type_ in each["base"]), None)
