"""References of what tells of a stay that lead nowhere, though what they name had to be sent with them.

https://hl7.org/fhir/R4/bundle.html#references · https://hl7.org/fhir/R4/references.html#contained
"""

from collections.abc import Iterator
from typing import Any, Final

from service.errors import Issue
from service.wire.fhir.exchange.bundles import USED, type_of
from service.wire.fhir.references import references

Json = dict[str, Any]
# nothing is made of these, and a batch is read a stay at a time
_TO_STAYS: Final = (".partOf", ".encounter")
_NOT_SENT: Final = "Nothing that was sent has this name; it was left out."
_NAMELESS: Final = "Nothing that was sent has this name, nor has it another here: send what it is to, or {}."
_BY_NUMBER: Final = ("identifier", "display")
_BY_WORDS: Final = ("display",)
READ: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "Coverage": {"payor": _BY_NUMBER},
    "Encounter": {
        "diagnosis.condition": _BY_WORDS,
        "hospitalization.destination": _BY_WORDS,
        "location.location": _BY_WORDS,
        "participant.individual": _BY_NUMBER,
        "reasonReference": _BY_WORDS,
        "serviceProvider": _BY_NUMBER,
    },
    "Patient": {"contact.organization": _BY_WORDS, "generalPractitioner": _BY_NUMBER},
    "PractitionerRole": {"organization": _BY_NUMBER, "practitioner": _BY_NUMBER},
}
"""The References of each type that something is made of, and what else names what they are to."""


def dangling_references(sent: Json) -> Iterator[Issue]:
    """Give each reference that leads to nothing that was sent, where something would be made of it.

    That is a `urn:uuid:` or `urn:oid:` that is no fullUrl, a `#id` that nothing contained has; and another
    one, of those in `READ`, that has nothing beside it that names what it is to.

    Args:
        sent: a Bundle or an Encounter, its references led to what they lead to (see `incoming.stays`).
    """
    in_bundle = sent.get("resourceType") == "Bundle"
    entries = sent.get("entry", []) if in_bundle else [{"resource": sent}]
    for index, entry in enumerate(entries):
        if type_of(entry) not in USED:
            continue
        resource = entry["resource"]
        place = f"Bundle.entry[{index}].resource" if in_bundle else str(resource["resourceType"])
        read = {id(one): names for one, names in _references_that_are_read(resource)}
        for where, reference in references(resource, place):
            literal = reference.get("reference", "#")
            if "resource" in reference or where.endswith(_TO_STAYS) or literal == "#":
                continue
            if literal.startswith(("urn:uuid:", "urn:oid:", "#")):
                yield Issue(_NOT_SENT, f"{where}.reference", "not-found")
            elif (names := read.get(id(reference))) and not any(reference.get(name) for name in names):
                yield Issue(_NAMELESS.format(" or ".join(names)), f"{where}.reference", "not-found")


def _references_that_are_read(resource: Json) -> Iterator[tuple[Json, tuple[str, ...]]]:
    for path, names in READ.get(str(resource.get("resourceType")), {}).items():
        nodes: list[Any] = [resource]
        for step in path.split("."):
            below = (node.get(step) for node in nodes if isinstance(node, dict))
            nodes = [one for child in below for one in (child if isinstance(child, list) else [child])]
        yield from ((node, names) for node in nodes if isinstance(node, dict))
    for contained in resource.get("contained", []):
        yield from _references_that_are_read(contained)
