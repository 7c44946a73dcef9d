"""The CapabilityStatement, made of the same tables that the doors use; and that of terminologies.

https://hl7.org/fhir/R4/capabilitystatement.html · https://hl7.org/fhir/R4/terminologycapabilities.html
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from service.disclose.subscriptions.openapi import SEARCHED as SUBSCRIPTIONS_BY
from service.disclose.terminology.openapi import EXPANDED_BY, OPERATIONS, SEARCHED
from service.values.access.scope import RETURNED
from service.wire.fhir.definitions.extensions import EXTENSIONS
from service.wire.fhir.definitions.operations import DOCUMENT, EVERYTHING
from service.wire.fhir.definitions.searches import canonical_of
from service.wire.fhir.search.parameters import OF_EVERY_RESOURCE, parameters_of
from service.wire.fhir.subscriptions.notification import PROFILE
from service.wire.fhir.subscriptions.topics import advertised

BULK_DATA: Final = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"
EXPORT: Final = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"
PATIENT_EXPORT: Final = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export"
GROUP_EXPORT: Final = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export"
DAVINCI_EXPORT: Final = "http://hl7.org/fhir/us/davinci-atr/OperationDefinition/davinci-data-export"
MEMBER_MATCH: Final = "http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match"
BULK_MATCH: Final = "http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/BulkMemberMatch"
PROVIDER_MATCH: Final = "http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/ProviderMemberMatch"
ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
NDJSON: Final = "application/fhir+ndjson"
BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport"
_OF_SYSTEM: Final = ("transaction", "batch", "search-system", "history-system")
VALIDATE: Final = "http://hl7.org/fhir/OperationDefinition/Resource-validate"
PROCESS_MESSAGE: Final = "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"

_GROUP: Final[dict[str, Any]] = {
    "type": "Group",
    "documentation": "An insurer's own, its members, and of each match of many members those who matched.",
    "versioning": "no-version",
    "interaction": [{"code": "read"}, {"code": "search-type"}],
    "operation": [
        {"name": "export", "definition": GROUP_EXPORT},
        {"name": "davinci-data-export", "definition": DAVINCI_EXPORT},
        {"name": "bulk-member-match", "definition": BULK_MATCH},
        {"name": "provider-member-match", "definition": PROVIDER_MATCH},
    ],
}


def capability(
    base: str, version: str, date: str, types: Collection[str], security: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what this server can do with the types it keeps, and with terminologies.

    `security` is how who asks is known; empty where nobody is.
    """
    resources = [
        *(_resource(type_, types) for type_ in types),
        _GROUP,
        _subscription(),
        *(_terminology(type_) for type_ in OPERATIONS),
    ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": "Casebridge", "version": version},
        "implementation": {"description": "Casebridge", "url": base},
        "instantiates": [BULK_DATA, f"{BACKPORT}/CapabilityStatement/backport-subscription-server-r4"],
        "fhirVersion": "4.0.1",
        "format": ["json", NDJSON],
        "rest": [
            {
                "mode": "server",
                **({"security": security} if security else {}),
                "resource": resources,
                "interaction": [{"code": code} for code in _OF_SYSTEM],
                "compartment": ["http://hl7.org/fhir/CompartmentDefinition/patient"],
                "operation": [
                    {"name": "process-message", "definition": PROCESS_MESSAGE},
                    {"name": "export", "definition": EXPORT},
                ],
            }
        ],
    }


def published_capability(version: str, types: Collection[str]) -> dict[str, Any]:
    """Return what the software can do wherever it stands: of no server, and of no day."""
    said = capability("", version, "", types, {})
    undated = {"extension": [{"url": ABSENT, "valueCode": "not-applicable"}]}
    of_software = said | {"kind": "capability", "_date": undated}
    return {name: value for name, value in of_software.items() if name not in {"date", "implementation"}}


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
            {"uri": system["url"], "version": [{"code": system["version"], "isDefault": True}]}
            for system in systems
        ],
        "expansion": {"paging": True, "parameter": [{"name": parameter} for parameter in EXPANDED_BY]},
        "validateCode": {"translations": True},
        "translation": {"needsMap": False},
    }


def _resource(type_: str, types: Collection[str]) -> dict[str, Any]:
    codes = ["read", "vread", "history-instance", "history-type", "search-type"]
    entry: dict[str, Any] = {
        "type": type_,
        "versioning": "versioned",
        "interaction": [{"code": code} for code in codes],
        "conditionalRead": "full-support",
    }
    if extensions := [extension for extension in EXTENSIONS if extension.context.split(".")[0] == type_]:
        listed = ", ".join(
            f"[{extension.title}]({extension.url}) at {extension.context}" for extension in extensions
        )
        entry["documentation"] = f"Extensions of ours, defined under StructureDefinition: {listed}."
    if type_ == "Encounter":
        # what hospitals send of a stay is told by its identifier
        entry["interaction"] += [{"code": "create"}, {"code": "update"}]
        entry |= {"conditionalCreate": True, "conditionalUpdate": True}
    if type_ in RETURNED:
        # what a permitted partner puts comes back into the case; ids are given here
        entry["interaction"].append({"code": "update"})
        entry |= {"versioning": "versioned-update", "updateCreate": False}
    operations = {"everything": EVERYTHING[type_]} if type_ in EVERYTHING else {}
    operations |= {"document": DOCUMENT} if type_ == "EpisodeOfCare" else {}
    operations |= {"validate": VALIDATE}
    if type_ == "Patient":
        operations |= {"export": PATIENT_EXPORT, "member-match": MEMBER_MATCH}
    entry["operation"] = [{"name": name, "definition": url} for name, url in operations.items()]
    known = parameters_of(type_)
    kinds = {**OF_EVERY_RESOURCE, **{name: parameter.kind for name, parameter in known.items()}}
    entry["searchParam"] = [_search_parameter(type_, name, kind) for name, kind in kinds.items()]
    entry["searchInclude"] = [f"{type_}:{name}" for name, of in known.items() if of.kind == "reference"]
    entry["searchRevInclude"] = sorted(_leading_to(type_, types))
    return {name: value for name, value in entry.items() if value != []}


def _search_parameter(type_: str, name: str, kind: str) -> dict[str, str]:
    definition = canonical_of(type_, name)
    return {"name": name, **({"definition": definition} if definition else {}), "type": kind}


def _leading_to(type_: str, types: Iterable[str]) -> Iterator[str]:
    """Give the parameters of all types that are references to a type."""
    for by in types:
        for name, parameter in parameters_of(by).items():
            if parameter.kind == "reference" and (not parameter.targets or type_ in parameter.targets):
                yield f"{by}:{name}"


def _subscription() -> dict[str, Any]:
    definitions = {name: f"Subscription-{name}" for name in SUBSCRIPTIONS_BY} | {"_id": "Resource-id"}
    definition = f"{BACKPORT}/OperationDefinition/backport-subscription-"
    return {
        "extension": advertised(),
        "type": "Subscription",
        "supportedProfile": [PROFILE],
        "documentation": "A partner's own, of the topics that stand here, by the channel rest-hook.",
        "interaction": [{"code": code} for code in ("read", "create", "update", "delete", "search-type")],
        "versioning": "versioned-update",
        "updateCreate": False,
        "searchParam": [
            {
                "name": name,
                "definition": f"http://hl7.org/fhir/SearchParameter/{definitions[name]}",
                "type": kind,
            }
            for name, (kind, _) in SUBSCRIPTIONS_BY.items()
        ],
        "operation": [{"name": name, "definition": definition + name} for name in ("status", "events")],
    }


def _terminology(type_: str) -> dict[str, Any]:
    definition = f"http://hl7.org/fhir/OperationDefinition/{type_}-"
    operations = [{"name": name, "definition": definition + name} for name in OPERATIONS[type_]]
    return {
        "type": type_,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [{"name": name, "type": kind} for name, kind in SEARCHED.items()],
        **({"operation": operations} if operations else {}),
    }
