"""What is said of the routes of bulk exports.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from typing import Any, Final

from service.disclose.export.kickoff import EXPORT_TYPES
from service.wire.contracts.published.openapi.operations import (
    FHIR,
    FHIR_TAG,
    JSON,
    Operation,
    answer,
    place,
    query,
    resource,
)

_NOTHING_YET: Final = "It tells where to ask, and nothing of anybody."
_LIST: Final = {"type": "array", "items": {"type": "object", "required": ["type", "url"]}}
# what is organized by patient has no type
_OUTPUT: Final = {"type": "array", "items": {"type": "object", "required": ["url"]}}
MANIFEST: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["transactionTime", "request", "requiresAccessToken", "output", "deleted", "error"],
    "properties": {
        "transactionTime": {"type": "string", "format": "date-time"},
        "request": {"type": "string", "format": "uri"},
        "requiresAccessToken": {"type": "boolean"},
        "outputOrganizedBy": {"const": "Patient"},
        "output": _OUTPUT,
        "deleted": _LIST,
        "error": _LIST,
    },
}
_LEVELS: Final = {
    "export": ("/fhir/$export", "Begin an export of all you may see"),
    "export-patients": ("/fhir/Patient/$export", "Begin an export of all patients you may see"),
    "export-group": ("/fhir/Group/{id}/$export", "Begin an export of your Group"),
    "davinci-data-export": (
        "/fhir/Group/{id}/$davinci-data-export",
        "Begin an export of your Group as Da Vinci has it",
    ),
}
PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "required": True,
    "description": "`respond-async`; with `handling=lenient` parameters that are not known are passed over.",
    "schema": {"type": "string", "examples": ["respond-async"]},
}
_ASKED: Final = (
    query("_type", "Types, separated by commas; all that you may see without it."),
    query("_since", "What has changed after this instant, a `transactionTime`.", format="date-time"),
    query("_until", "What was last changed at this instant or before.", format="date-time"),
    query("_elements", "Root elements, separated by commas: `status`, `CarePlan.title`."),
    query("_typeFilter", "Searches on types, separated by commas: `CarePlan?status=active`."),
    query("organizeOutputBy", "Files by patient instead of by type.", enum=["Patient"]),
    query("_outputFormat", "Only NDJSON is written.", examples=["application/fhir+ndjson"]),
)
_WHICH: Final = place("id", "The export.")
_GROUP: Final = place("id", "The Group.")


def operations() -> tuple[Operation, ...]:
    """Return the operations of exports."""
    return (*_kick_offs(), *_of_one())


def groups() -> tuple[Operation, ...]:
    """Return the operations of Groups."""
    return tuple(_groups())


def _kick_offs() -> list[Operation]:
    begun = {"description": "It is begun.", "headers": {"Content-Location": "Content-Location"}}
    described = []
    for name, (path, summary) in _LEVELS.items():
        places = (_GROUP,) if "{id}" in path else ()
        for method in ("get", "post"):
            is_post = method == "post"
            body = {"content": {FHIR: {"schema": resource("Parameters")}}} if is_post else None
            described.append(
                Operation(
                    method,
                    path,
                    f"{name}-by-parameters" if is_post else name,
                    tag=FHIR_TAG,
                    summary=f"{summary}, with posted Parameters" if is_post else summary,
                    parameters=(*places, PREFER, *_ASKED, *_also(name), "Format"),
                    body=body,
                    answers={202: begun},
                    faults=(404, 406, *((408, 413, 415) if is_post else ())),
                    silent=_NOTHING_YET,
                )
            )
    return described


def _also(name: str) -> tuple[dict[str, Any], ...]:
    return (query("exportType", "What it is for.", enum=list(EXPORT_TYPES)),) if "davinci" in name else ()


def _of_one() -> list[Operation]:
    under_way = {
        "description": "It is under way.",
        "headers": {name: name for name in ("X-Progress", "Retry-After", "Expires")},
    }
    whole = answer("Where its parts are.", JSON, MANIFEST, ("Expires",))
    lines = answer("Resources, one a line.", "application/fhir+ndjson", {"type": "string"})
    number = place("number", "The part.", type="integer")
    return [
        Operation(
            "get",
            "/fhir/$export/{id}",
            "export-status",
            tag=FHIR_TAG,
            summary="Ask how far an export is",
            parameters=(_WHICH,),
            answers={200: whole, 202: under_way},
            faults=(404, 406),
            silent="It tells how many resources there are, and of whom nothing.",
        ),
        Operation(
            "delete",
            "/fhir/$export/{id}",
            "export-cancel",
            tag=FHIR_TAG,
            summary="Cancel an export, or say that you have it",
            parameters=(_WHICH,),
            answers={202: {"description": "It is no longer there."}},
            faults=(404,),
            silent="It tells nothing.",
        ),
        Operation(
            "get",
            "/fhir/$export/{id}/{number}",
            "export-part",
            tag=FHIR_TAG,
            summary="Fetch a part of an export",
            parameters=(_WHICH, number),
            answers={200: lines},
            faults=(404,),
        ),
    ]


def _groups() -> list[Operation]:
    return [
        Operation(
            "get",
            "/fhir/Group",
            "groups",
            tag=FHIR_TAG,
            summary="List your Groups",
            answers={200: answer("A searchset Bundle of them, without members.", FHIR, resource("Bundle"))},
            faults=(406,),
        ),
        Operation(
            "get",
            "/fhir/Group/{id}",
            "group",
            tag=FHIR_TAG,
            summary="Read your Group",
            parameters=(_GROUP,),
            answers={200: answer("The Group, as it is now.", FHIR, resource("Group"))},
            faults=(404, 406),
        ),
    ]
