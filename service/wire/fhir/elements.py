"""What R4 says of an element by its path: https://hl7.org/fhir/R4/elementdefinition.html."""

from service.wire.fhir.definitions import definitions


def is_required(path: str) -> bool:
    """Whether an element, named by its path without indexes, is required; of what is not R4, nothing is."""
    kind, *steps = path.split(".")
    found = False
    for step in steps:
        elements = definitions()[kind].elements if kind in definitions() else ()
        spelt = {key: each for each in elements for key in each.spelt()}
        if step not in spelt:
            return False
        kind, found = spelt[step].spelt()[step], spelt[step].required
    return found
