"""The CapabilityStatement, made of the same tables that the doors use; and that of terminologies.

https://hl7.org/fhir/R4/capabilitystatement.html · https://hl7.org/fhir/R4/terminologycapabilities.html
"""

from collections.abc import Collection, Iterable
from typing import Any, Final

from service.disclose.terminology_openapi import EXPANDED_BY, OPERATIONS, SEARCHED
from service.values.scope import RETURNED
from service.wire.fhir.definitions.extensions import EXTENSIONS
from service.wire.fhir.search import PARAMETERS

PROCESS_MESSAGE: Final = "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"


def capability(base: str, version: str, date: str, types: Collection[str]) -> dict[str, Any]:
    """Return what this server can do with the types it keeps, and with terminologies."""
    resources = [*(_resource(each) for each in types), *(_terminology(each) for each in OPERATIONS)]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": "Casebridge", "version": version},
        "implementation": {"description": "Casebridge", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": resources,
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
                "operation": [{"name": "process-message", "definition": PROCESS_MESSAGE}],
            }
        ],
    }


def terminology_capability(
    base: str, version: str, date: str, systems: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """Return which code systems are kept, and what can be asked of them."""
    return {
        "resourceType": "TerminologyCapabilities",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": "Casebridge", "version": version},
        "implementation": {"description": "Casebridge", "url": base},
        "codeSystem": [
            {"uri": each["url"], "version": [{"code": each["version"], "isDefault": True}]}
            for each in systems
        ],
        "expansion": {"paging": True, "parameter": [{"name": each} for each in EXPANDED_BY]},
        "validateCode": {"translations": True},
        "translation": {"needsMap": False},
    }


def _resource(type_: str) -> dict[str, Any]:
    codes = ["read", "vread", "history-instance"] + (["search-type"] if type_ in PARAMETERS else [])
    found: dict[str, Any] = {
        "type": type_,
        "versioning": "versioned",
        "interaction": [{"code": code} for code in codes],
    }
    if told := [each for each in EXTENSIONS if each.context.split(".")[0] == type_]:
        listed = ", ".join(f"[{each.title}]({each.url}) at {each.context}" for each in told)
        found["documentation"] = f"Extensions of ours, defined under StructureDefinition: {listed}."
    if type_ == "Encounter":
        # what hospitals send of a stay is told by its identifier
        found["interaction"] += [{"code": "create"}, {"code": "update"}]
        found |= {"conditionalCreate": True, "conditionalUpdate": True}
    if type_ in RETURNED:
        # what a permitted partner puts comes back into the case; ids are given here
        found["interaction"].append({"code": "update"})
        found |= {"versioning": "versioned-update", "updateCreate": False}
    if type_ in PARAMETERS:
        common = [("_id", "token"), ("_lastUpdated", "date")]
        known = common + [(name, kind) for name, (kind, _) in PARAMETERS[type_].items()]
        found["searchParam"] = [{"name": name, "type": kind} for name, kind in known]
    return found


def _terminology(type_: str) -> dict[str, Any]:
    definition = f"http://hl7.org/fhir/OperationDefinition/{type_}-"
    operations = [{"name": name, "definition": definition + name} for name in OPERATIONS[type_]]
    return {
        "type": type_,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [{"name": name, "type": kind} for name, kind in SEARCHED.items()],
        **({"operation": operations} if operations else {}),
    }
