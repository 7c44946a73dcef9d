"""Where in what a partner sent stands what a path of the source `fhir` (see `incoming.stays`) names.

https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression
"""

import re
from typing import Any, Final

Json = dict[str, Any]
_STEP: Final = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")
# what such a root is made of
_MADE_OF: Final = {"encounter_at": "encounter.id", "patient_at": "encounter.subject.reference"}


def place_of(path: str, root: Json, sent: Json) -> str:
    """Return the FHIRPath of an element, from the Bundle or Encounter that was sent.

    Args:
        path: such as `encounter.class.code`, `conditions[1].code.coding.code`; what follows `resource` is in
            what a reference leads to. Nothing stands for the stay itself.
        root: the roots of the stay.
        sent: what it was read from.
    """
    path = _MADE_OF.get(path.partition(".")[0], path)
    where = {
        id(each["resource"]): f"Bundle.entry[{index}].resource"
        for index, each in enumerate(sent.get("entry", []))
        if "resource" in each
    }
    node: Any = root
    told = ""
    for step, number in _STEP.findall(path or "encounter"):
        node = node.get(step) if isinstance(node, dict) else None
        if isinstance(node, list):
            node = node[int(number or 0)] if len(node) > int(number or 0) else None
        if isinstance(node, dict) and "resourceType" in node:
            told = where.get(id(node), str(node["resourceType"]))
        elif step == "bundle":
            told = "Bundle"
        elif told:
            told = f"{told}.{step}" + (f"[{number}]" if number else "")
    return told or where.get(id(root["encounter"]), "Encounter")
