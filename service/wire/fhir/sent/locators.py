"""Where in what a partner sent stands what a path of the source `fhir` (see `incoming.stays`) names.

https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression
"""

import re
from collections.abc import Iterator
from typing import Any, Final

Json = dict[str, Any]
_STEP: Final = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")
# what a root is made of, where it is no part of what was sent
_MADE_OF: Final = {
    "encounter_at": "encounter.id",
    "patient_at": "encounter.subject.reference",
    "facts.class": "encounter.class",
    "facts.hospital": "encounter.serviceProvider",
    "facts.location": "encounter.location",
    "facts.destination": "encounter.hospitalization.destination",
    "facts.spoken": "patient.communication",
}


def location_of(path: str, root: Json, sent: Json) -> str:
    """Return the FHIRPath of an element, from the Bundle or Encounter that was sent.

    Args:
        path: such as `encounter.class.code`, `facts.diagnoses[1].condition.code.coding.code`; what follows
            `resource` is in what a reference leads to. Nothing stands for the stay itself.
        root: the roots of the stay.
        sent: what it was read from.
    """
    path = next((made for name, made in _MADE_OF.items() if f"{path}.".startswith(f"{name}.")), path)
    where = dict(_places(sent))
    node: Any = root
    told = ""
    for step, number in _STEP.findall(path or "encounter"):
        node = node.get(step) if isinstance(node, dict) else None
        if isinstance(node, list):
            node = node[int(number or 0)] if len(node) > int(number or 0) else None
        if isinstance(node, dict) and id(node) in where:
            told = where[id(node)]
        elif step == "bundle":
            told = "Bundle"
        elif told:
            told = f"{told}.{step}" + (f"[{number}]" if number else "")
    return told or where.get(id(root["encounter"]), "Encounter")


def _places(sent: Json) -> Iterator[tuple[int, str]]:
    """Give each part of what was sent, by its identity, with its FHIRPath."""
    waiting: list[tuple[Any, str]] = [(sent, str(sent.get("resourceType", "")))]
    while waiting:
        node, place = waiting.pop()
        if isinstance(node, list):
            waiting += ((each, f"{place}[{index}]") for index, each in enumerate(node))
        elif isinstance(node, dict):
            yield id(node), place
            # what a reference leads to stands elsewhere
            led = {"resource"} if "reference" in node else set()
            waiting += ((each, f"{place}.{name}") for name, each in node.items() if name not in led)
