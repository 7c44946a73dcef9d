"""What R4 says of an element by its path: https://hl7.org/fhir/R4/elementdefinition.html."""

from service.wire.fhir.definitions.r4 import definitions


def required_names(path: str) -> tuple[str, ...]:
    """Return the names that a required element may go by, as value[x] by several.

    Args:
        path: names the element without indexes. What is not required, or not R4, goes by none.
    """
    kind, *steps = path.split(".")
    names: tuple[str, ...] = ()
    for step in steps:
        elements = definitions()[kind].elements if kind in definitions() else ()
        spelt = {key: element for element in elements for key in element.json_names()}
        if step not in spelt:
            return ()
        kind, element = spelt[step].json_names()[step], spelt[step]
        names = tuple(element.json_names()) if element.required else ()
    return names
