"""What may be told in several places or shapes of FHIR that was sent, brought together for mappings.

https://hl7.org/fhir/R4/encounter.html · https://hl7.org/fhir/R4/patient.html
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from service.wire.fhir.sent import people, stay

Json = dict[str, Any]
_OF_ORGANIZATION: Final = {
    "name": ("resource.name", "display"),
    "identifier": ("resource.identifier", "identifier"),
}
_OF_PLACE: Final = {
    **_OF_ORGANIZATION,
    "name": (
        "resource.name",
        "display",
        "resource.alias",
        "resource.description",
        "resource.identifier.value",
        "identifier.value",
    ),
}
_OF_PERSON: Final = {
    "name": (
        "resource.name",
        "resource.practitioner.resource.name",
        "resource.practitioner.display",
        "display",
    ),
    "identifier": (
        "resource.identifier",
        "resource.practitioner.resource.identifier",
        "resource.practitioner.identifier",
        "identifier",
    ),
    "telecom": ("resource.telecom", "resource.practitioner.resource.telecom"),
    "organization.name": ("resource.organization.resource.name", "resource.organization.display"),
    "organization.identifier": (
        "resource.organization.resource.identifier",
        "resource.organization.identifier",
    ),
}


def _behind(reference: str, parts: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(f"{reference}.{path}" for path in below) for name, below in parts.items()}


def _under(fact: str, parts: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {f"{fact}.{name}": paths for name, paths in parts.items()}


_DIAGNOSIS: Final = {
    "condition": ("Encounter.diagnosis.condition.resource", "Condition"),
    "condition.code": (
        "Encounter.diagnosis.condition.resource.code",
        "Encounter.diagnosis.condition.display",
        "Condition.code",
    ),
    "use": ("Encounter.diagnosis.use",),
    "rank": ("Encounter.diagnosis.rank",),
    # of whichever there is: what is not read of it is told of
    "abated": ("Encounter.diagnosis.condition.resource.abatementDateTime", "Condition.abatementDateTime"),
}
_MADE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    **_under("hospital", _behind("Encounter.serviceProvider", _OF_ORGANIZATION)),
    **_under("location", _behind("Encounter.location.location", _OF_PLACE)),
    **_under("destination", _behind("Encounter.hospitalization.destination", _OF_PLACE)),
    # of the lists, where there are items
    "class": ("Encounter.class",),
    "participants": ("Encounter.participant",),
    "general_practitioners": ("Patient.generalPractitioner",),
    "relatives": ("RelatedPerson", "Patient.contact"),
    "diagnoses": ("Encounter.diagnosis", "Condition"),
    "taken_back": ("Encounter.diagnosis", "Condition"),
    "policies": ("Coverage",),
    **_under("participants", _behind("Encounter.participant.individual", _OF_PERSON)),
    "participants.type": ("Encounter.participant.type",),
    "participants.types": ("Encounter.participant.type",),
    "participants.period": ("Encounter.participant.period",),
    **_under("general_practitioners", _behind("Patient.generalPractitioner", _OF_PERSON)),
    **{
        f"relatives.{name}": (f"RelatedPerson.{name}", f"Patient.contact.{name}")
        for name in ("relationship", "name", "telecom", "address", "gender", "period")
    },
    "relatives.active": ("RelatedPerson.active",),
    "relatives.words": ("RelatedPerson.relationship", "Patient.contact.relationship"),
    "telecom": ("Patient.telecom",),
    "spoken": ("Patient.communication.language.coding", "Patient.communication.language.text"),
    "reasons": (
        "Encounter.reasonCode",
        "Encounter.reasonReference.resource.code",
        "Encounter.reasonReference.display",
    ),
    **_under("diagnoses", _DIAGNOSIS),
    **_under("taken_back", _DIAGNOSIS),
    **_under("policies.payer", _behind("Coverage.payor", _OF_ORGANIZATION)),
    "policies.coverage": ("Coverage",),
    "policies.member": ("Coverage.identifier",),
    "policies.group": ("Coverage.class",),
    "policies.plan": ("Coverage.class",),
    "no_policies": ("Coverage.status",),
}
# what decides which of several is taken
_CHOSEN_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "location": (
        "Encounter.location.status",
        "Encounter.location.period.start",
        "Encounter.location.period.end",
    ),
    "policies": ("Coverage.identifier.type", "Coverage.class.type", "Coverage.status"),
    "spoken": ("Patient.communication.preferred",),
    "telecom": ("Patient.telecom.rank",),
}


def made_of(path: str) -> Iterator[str]:
    """Give the paths in R4's types that a path of the source `fhir` is made of.

    Args:
        path: such as `facts.participants.name.family`, without positions; one of another root is itself. What
            a Reference leads to stands under its `resource`.
    """
    if not path.startswith("facts."):
        yield path
        return
    name = path.removeprefix("facts.")
    while name and name not in _MADE_OF:
        name = name.rpartition(".")[0]
    rest = path.removeprefix("facts.").removeprefix(name)
    for path_made in _MADE_OF.get(name, ()):
        # words that a Reference has say all that there is to say
        yield path_made if path_made.endswith((".display", ".text", ".status")) else f"{path_made}{rest}"
    yield from _CHOSEN_BY.get(name.partition(".")[0], ())


def facts(roots: Json) -> Json:
    """Return what is told in several places or shapes, brought together.

    Returns:
        `class` (empty where it is a sender's own letter); `hospital` as `people.named`, `location` (the
        current one) and `destination` as `people.place`; `participants` and `general_practitioners` (each as
        `people.person`), `relatives`; `telecom` (the patient's, the preferred first) and `spoken`; `reasons`;
        `diagnoses` and `taken_back`, as `stay.diagnoses`; `policies`, and `no_policies`: whether all
        insurances that were sent were entered in error.
    """
    encounter, patient, coverages = roots["encounter"], roots["patient"], roots["coverages"]
    policies = stay.policies(coverages)
    diagnoses, taken_back = stay.diagnoses(encounter, roots["conditions"])
    return {
        "hospital": people.named(encounter.get("serviceProvider", {})),
        "location": stay.location(encounter),
        "destination": people.place(encounter.get("hospitalization", {}).get("destination", {})),
        "participants": people.participants(encounter),
        "general_practitioners": people.general_practitioners(patient),
        "relatives": people.relatives(patient, roots["related_persons"]),
        "telecom": people.telecoms(patient),
        "spoken": stay.spoken_language(patient),
        "class": stay.class_(encounter),
        "reasons": stay.reasons(encounter),
        "diagnoses": diagnoses,
        "taken_back": taken_back,
        "policies": policies,
        "no_policies": not policies and any(coverage.get("status") == stay.WRONG for coverage in coverages),
    }
