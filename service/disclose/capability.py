"""The CapabilityStatement, made of the same table that search uses.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

from collections.abc import Collection
from typing import Any

from service.disclose.terminology import OPERATIONS, SEARCHED
from service.wire.fhir.search import PARAMETERS


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
        "rest": [{"mode": "server", "resource": resources}],
    }


def _resource(type_: str) -> dict[str, Any]:
    codes = ["read", "vread", "history-instance"] + (["search-type"] if type_ in PARAMETERS else [])
    found: dict[str, Any] = {
        "type": type_,
        "versioning": "versioned",
        "interaction": [{"code": code} for code in codes],
    }
    if type_ in PARAMETERS:
        common = [("_id", "token"), ("_lastUpdated", "date")]
        known = common + [(name, kind) for name, (kind, _) in PARAMETERS[type_].items()]
        found["searchParam"] = [{"name": name, "type": kind} for name, kind in known]
    return found


def _terminology(type_: str) -> dict[str, Any]:
    definition = f"http://hl7.org/fhir/OperationDefinition/{type_}-"
    return {
        "type": type_,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [{"name": name, "type": kind} for name, kind in SEARCHED.items()],
        "operation": [{"name": name, "definition": definition + name} for name in OPERATIONS[type_]],
    }
