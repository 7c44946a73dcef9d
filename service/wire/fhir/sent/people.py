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
        {"type": type_, "types": types, "period": each.get("period", {}), **who}
        for each in encounter.get("participant", [])
        if (who := person(each.get("individual", {})))
        for types in (each.get("type", []),)
        for type_ in types or [{}]
    ]


def general_practitioners(patient: Json) -> list[Json]:
    """Return who is the patient's own doctor, or practice, as `person` does; who was it once is left out."""
    found = (person(each) for each in patient.get("generalPractitioner", []) if not is_over(each))
    return [each for each in found if each]


def is_over(reference: Json) -> bool:
    """Whether a Reference is to a role, a person or a practice that is no longer active."""
    role = led_to(reference, "PractitionerRole")
    behind = led_to(role.get("practitioner", {}), "Practitioner")
    found = led_to(reference, "Practitioner", "Organization")
    return any(each.get("active") is False for each in (role, behind, found))


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
        made = {
            "identifier": behind["identifier"] or (numbers(role) if behind["name"] else []),
            "name": behind["name"] or _words(reference.get("display") or works_at.get("name")),
            "telecom": behind["telecom"] or telecoms(role),
            "organization": works_at,
        }
    elif place:
        known = named(reference)
        made = {"name": _words(known.get("name")), "telecom": telecoms(place), "organization": known}
    else:
        made = _individual(reference)
    told = {key: each for key, each in made.items() if each}
    return told if "name" in told or "identifier" in told else {}


def _individual(reference: Json) -> Json:
    found = led_to(reference, "Practitioner", "RelatedPerson", "Patient")
    return {
        "identifier": numbers(found) or number(reference),
        "name": names(found) or _words(reference.get("display")),
        "telecom": telecoms(found),
    }


def named(reference: Json) -> Json:
    """Return what a place or an organisation is called: `name` and `identifier`, as far as they are told."""
    found = led_to(reference, "Location", "Organization")
    told = {
        "name": found.get("name") or reference.get("display"),
        "identifier": numbers(found) or number(reference),
    }
    return {key: each for key, each in told.items() if each}


def place(reference: Json) -> Json:
    """Return as `named` what a place is called; one without a name by its alias, its words or its number.

    A literal reference that leads nowhere is told of instead, even if it has a number in it.
    """
    told, found = named(reference), led_to(reference, "Location", "Organization")
    is_sent = bool(found) or "reference" not in reference
    values = [each["value"] for each in told.get("identifier", []) if is_sent]
    words = (told.get("name"), *found.get("alias", []), found.get("description"), *values)
    name = next((each for each in words if each), None)
    return {**told, "name": name} if name else told


def led_to(reference: Json, *types: str) -> Json:
    """Return the resource of one of some types that a Reference is led to; {} when it is to none of them.

    Only of the types that tell of stays it is known that they are as R4 has them.
    """
    found: Json = reference.get("resource", {})
    return found if found.get("resourceType") in types else {}


def number(reference: Json) -> list[Json]:
    """Return the Identifier that a Reference has, as a list; none where it does not say whose it is."""
    return numbers({"identifier": [reference.get("identifier", {})]})


def relatives(patient: Json, sent: Sequence[Json]) -> list[Json]:
    """Return who is close to a patient: RelatedPersons, and contacts of the Patient in their shape.

    Each has `words` beside: what the relationship is called. Who cannot be told or reached is left out.
    """
    found = [*({**each, "name": names(each)} for each in sent), *_contacts(patient)]
    return [
        {**each, "telecom": telecoms(each), "words": ", ".join(dict.fromkeys(_relative_names(each)))}
        for each in found
        if each["name"] or telecoms(each) or each.get("address")
    ]


def _contacts(patient: Json) -> Iterator[Json]:
    for each in patient.get("contact", []):
        own = [each["name"]] if "name" in each else []
        place = named(each.get("organization", {})).get("name")
        yield {
            **{key: each[key] for key in ("relationship", "telecom", "gender", "period") if key in each},
            "name": names({"name": own}) or _words(place),
            **({"address": [each["address"]]} if "address" in each else {}),
        }


def _relative_names(relative: Json) -> Iterator[str]:
    for concept in relative.get("relationship", []):
        codings = concept.get("coding", [])
        shown = [each["display"] for each in codings if each.get("display")]
        known = [WORDS[e["code"]] for e in codings if e.get("system") == CONTACTS and e.get("code") in WORDS]
        yield from [concept["text"]] if concept.get("text") else (shown or known)[:1]


def names(resource: Json) -> list[Json]:
    """Return the HumanNames that name somebody."""
    given = resource.get("name", [])
    return [each for each in given if any(each.get(part) for part in ("family", "given", "text"))]


def numbers(resource: Json) -> list[Json]:
    """Return the Identifiers that say whose they are."""
    return [each for each in resource.get("identifier", []) if each.get("system") and each.get("value")]


def telecoms(resource: Json) -> list[Json]:
    """Return the ContactPoints that have a value, the preferred first."""
    given = [each for each in resource.get("telecom", []) if each.get("system") and each.get("value")]
    return sorted(given, key=lambda each: each.get("rank", _LAST)) if len(given) > 1 else given


def _words(text: str | None) -> list[Json]:
    return [{"text": text}] if text else []
