"""The people whom a stay and its patient name: behind their roles, or by a number or a name alone.

https://hl7.org/fhir/R4/encounter-definitions.html#Encounter.participant.individual
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

Json = dict[str, Any]
CONTACTS: Final = "http://terminology.hl7.org/CodeSystem/v2-0131"
WORDS: Final = {
    "BP": "Billing contact person",
    "C": "Emergency Contact",
    "CP": "Contact person",
    "E": "Employer",
    "EP": "Emergency contact person",
    "F": "Federal Agency",
    "I": "Insurance Company",
    "N": "Next-of-Kin",
    "PR": "Person preparing referral",
    "S": "State Agency",
}
"""What the codes of contacts say to a reader, where they come without a display."""
_LAST: Final = 1 << 32


def participants(encounter: Json) -> list[Json]:
    """Return who takes part in a stay, once for each type that they have.

    Returns:
        For each `type` (a CodeableConcept or {}), `types` (all that the person has here), `period`, and what
        `person` returns. Who has neither a name nor a number is left out.
    """
    return [
        {"type": type_, "types": types, "period": participant.get("period", {}), **who}
        for participant in encounter.get("participant", [])
        if (who := person(participant.get("individual", {})))
        for types in (participant.get("type", []),)
        for type_ in types or [{}]
    ]


def general_practitioners(patient: Json) -> list[Json]:
    """Return a patient's current general practitioners or practices as `person` does, without former ones."""
    persons = (
        person(reference) for reference in patient.get("generalPractitioner", []) if not is_over(reference)
    )
    return [who for who in persons if who]


def is_over(reference: Json) -> bool:
    """Whether a Reference is to a role, a person or a practice that is no longer active."""
    role = led_to(reference, "PractitionerRole")
    behind = led_to(role.get("practitioner", {}), "Practitioner")
    target = led_to(reference, "Practitioner", "Organization")
    return any(resource.get("active") is False for resource in (role, behind, target))


def person(reference: Json) -> Json:
    """Return who a Reference is to: `identifier`, `name`, `telecom`, and their `organization`, as `named`.

    A PractitionerRole is the practitioner's; what it says itself counts where the practitioner says nothing.
    An organisation is nobody by its number: it has a name. Nobody at all is {}.
    """
    role = led_to(reference, "PractitionerRole")
    place = led_to(reference, "Organization")
    if role:
        behind = _individual(role.get("practitioner", {}))
        works_at = named(role.get("organization", {}))
        parts = {
            "identifier": behind["identifier"] or (numbers(role) if behind["name"] else []),
            "name": behind["name"] or _words(reference.get("display") or works_at.get("name")),
            "telecom": behind["telecom"] or telecoms(role),
            "organization": works_at,
        }
    elif place:
        organization = named(reference)
        parts = {
            "name": _words(organization.get("name")),
            "telecom": telecoms(place),
            "organization": organization,
        }
    else:
        parts = _individual(reference)
    who = {key: part for key, part in parts.items() if part}
    return who if "name" in who or "identifier" in who else {}


def _individual(reference: Json) -> Json:
    resource = led_to(reference, "Practitioner", "RelatedPerson", "Patient")
    return {
        "identifier": numbers(resource) or number(reference),
        "name": names(resource) or _words(reference.get("display")),
        "telecom": telecoms(resource),
    }


def named(reference: Json) -> Json:
    """Return what a place or an organisation is called: `name` and `identifier`, as far as they are told."""
    resource = led_to(reference, "Location", "Organization")
    parts = {
        "name": resource.get("name") or reference.get("display"),
        "identifier": numbers(resource) or number(reference),
    }
    return {key: part for key, part in parts.items() if part}


def place(reference: Json) -> Json:
    """Return as `named` what a place is called; one without a name by its alias, its words or its number.

    A literal reference that leads nowhere is told of instead, even if it has a number in it.
    """
    location, resource = named(reference), led_to(reference, "Location", "Organization")
    is_sent = bool(resource) or "reference" not in reference
    values = [identifier["value"] for identifier in location.get("identifier", []) if is_sent]
    words = (location.get("name"), *resource.get("alias", []), resource.get("description"), *values)
    name = next((text for text in words if text), None)
    return {**location, "name": name} if name else location


def led_to(reference: Json, *types: str) -> Json:
    """Return the resource of one of some types that a Reference is led to; {} when it is to none of them.

    Only of the types that tell of stays it is known that they are as R4 has them.
    """
    resource: Json = reference.get("resource", {})
    return resource if resource.get("resourceType") in types else {}


def number(reference: Json) -> list[Json]:
    """Return the Identifier that a Reference has, as a list; none where it does not say whose it is."""
    return numbers({"identifier": [reference.get("identifier", {})]})


def relatives(patient: Json, sent: Sequence[Json]) -> list[Json]:
    """Return who is close to a patient: RelatedPersons, and contacts of the Patient in their shape.

    Each has `words` beside: what the relationship is called. Who cannot be told or reached is left out.
    """
    people = [*({**relative, "name": names(relative)} for relative in sent), *_contacts(patient)]
    return [
        {
            **relative,
            "telecom": telecoms(relative),
            "words": ", ".join(dict.fromkeys(_relative_names(relative))),
        }
        for relative in people
        if relative["name"] or telecoms(relative) or relative.get("address")
    ]


def _contacts(patient: Json) -> Iterator[Json]:
    for contact in patient.get("contact", []):
        own = [contact["name"]] if "name" in contact else []
        place = named(contact.get("organization", {})).get("name")
        yield {
            **{
                key: contact[key] for key in ("relationship", "telecom", "gender", "period") if key in contact
            },
            "name": names({"name": own}) or _words(place),
            **({"address": [contact["address"]]} if "address" in contact else {}),
        }


def _relative_names(relative: Json) -> Iterator[str]:
    for concept in relative.get("relationship", []):
        codings = concept.get("coding", [])
        displays = [coding["display"] for coding in codings if coding.get("display")]
        words = [WORDS[e["code"]] for e in codings if e.get("system") == CONTACTS and e.get("code") in WORDS]
        yield from [concept["text"]] if concept.get("text") else (displays or words)[:1]


def names(resource: Json) -> list[Json]:
    """Return the HumanNames that name somebody."""
    human_names = resource.get("name", [])
    return [name for name in human_names if any(name.get(part) for part in ("family", "given", "text"))]


def numbers(resource: Json) -> list[Json]:
    """Return the Identifiers that say whose they are."""
    return [
        identifier
        for identifier in resource.get("identifier", [])
        if identifier.get("system") and identifier.get("value")
    ]


def telecoms(resource: Json) -> list[Json]:
    """Return the ContactPoints that have a value, the preferred first."""
    points = [point for point in resource.get("telecom", []) if point.get("system") and point.get("value")]
    return sorted(points, key=lambda point: point.get("rank", _LAST)) if len(points) > 1 else points


def _words(text: str | None) -> list[Json]:
    return [{"text": text}] if text else []
