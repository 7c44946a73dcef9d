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
    path = next(
        (root_path for name, root_path in _MADE_OF.items() if f"{path}.".startswith(f"{name}.")), path
    )
    where = dict(_places(sent))
    node: Any = root
    location = ""
    for step, number in _STEP.findall(path or "encounter"):
        node = node.get(step) if isinstance(node, dict) else None
        if isinstance(node, list):
            node = node[int(number or 0)] if len(node) > int(number or 0) else None
        if isinstance(node, dict) and id(node) in where:
            location = where[id(node)]
        elif step == "bundle":
            location = "Bundle"
        elif location:
            location = f"{location}.{step}" + (f"[{number}]" if number else "")
    return location or where.get(id(root["encounter"]), "Encounter")


def _places(sent: Json) -> Iterator[tuple[int, str]]:
    """Give each part of what was sent, by its identity, with its FHIRPath."""
    waiting: list[tuple[Any, str]] = [(sent, str(sent.get("resourceType", "")))]
    while waiting:
        node, place = waiting.pop()
        if isinstance(node, list):
            waiting += ((item, f"{place}[{index}]") for index, item in enumerate(node))
        elif isinstance(node, dict):
            yield id(node), place
            # what a reference leads to stands elsewhere
            led = {"resource"} if "reference" in node else set()
            waiting += ((value, f"{place}.{name}") for name, value in node.items() if name not in led)
