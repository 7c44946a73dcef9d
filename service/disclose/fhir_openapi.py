"""What is said of the routes for those who pull, /fhir: FHIR R4's RESTful API, as far as it goes here.

https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from service.wire.contracts.published.openapi.operations import (
    FHIR,
    FHIR_TAG,
    Described,
    Operation,
    answer,
    place,
    query,
    resource,
)
from service.wire.fhir.search import PARAMETERS

FORM: Final = ("Format", "Accept-Language")
_TOLD: Final = ("Content-Language",)
_VERSION: Final = ("ETag", "Last-Modified", *_TOLD)
_KINDS: Final = {
    "token": "`code`, `|code`, or `system|code`",
    "reference": "`Type/id`, the id alone, or the whole address",
    "date": "a date or instant with an optional prefix, e.g. `ge2026-03`",
    "string": "the beginning of the text; `:exact` and `:contains` are known",
}


def capabilities() -> tuple[Operation, ...]:
    """Return the operation that everybody may use."""
    modes = ["full", "normative", "terminology"]
    capability = Operation(
        "get",
        "/fhir/metadata",
        "capabilities",
        tag=FHIR_TAG,
        summary="Read what this server can do",
        parameters=(query("mode", "What is asked for.", enum=modes, default="full"), "Format"),
        faults=(400, 406),
        answers={200: answer("The CapabilityStatement, or TerminologyCapabilities.", FHIR, resource())},
    )
    return (capability,)


def operations(types: Sequence[str]) -> Iterator[Operation]:
    """Give the operations of the types that are kept, and of those that are searched."""
    for type_, parameters in PARAMETERS.items():
        yield from searches(type_, parameters)
    yield from _reads(types)


def searches(type_: str, parameters: Mapping[str, tuple[str, str]]) -> Iterator[Operation]:
    """Give the operations of a search on a type by its parameters."""
    own_parameters = tuple(query(name, f"{_KINDS[kind]}.") for name, (kind, _) in parameters.items())
    bundle = answer("A searchset Bundle of what you may see.", FHIR, resource("Bundle"), _TOLD)
    describe = partial(Operation, tag=FHIR_TAG, answers={200: bundle})
    yield describe(
        "get",
        f"/fhir/{type_}",
        f"search-{type_}",
        summary=f"Search {type_}",
        parameters=(*own_parameters, "Id", "Last-Updated", "Count", "Cursor", *FORM),
        faults=(404, 406),
    )
    yield describe(
        "post",
        f"/fhir/{type_}/_search",
        f"search-{type_}-by-form",
        summary=f"Search {type_} with values that stay out of addresses",
        parameters=FORM,
        body=_form(parameters),
        faults=(404, 406, 408, 413, 415),
    )


def _reads(types: Sequence[str]) -> Iterator[Operation]:
    one = "/fhir/{type}/{id}"
    which = (place("type", "The resource type.", enum=list(types)), place("id", "The logical id."))
    current = answer("The resource.", FHIR, resource(), _VERSION)
    same = {"description": "It is the version you have.", "headers": {"ETag": "ETag"}}
    describe = partial(Operation, tag=FHIR_TAG, faults=(404, 406, 410))
    yield describe(
        "get",
        one,
        "read",
        summary="Read a resource",
        parameters=(*which, "If-None-Match", *FORM),
        answers={200: current, 304: same},
    )
    yield describe(
        "get",
        f"{one}/_history",
        "history",
        summary="Read all versions of a resource",
        parameters=(*which, "Count", "Since", "Cursor", *FORM),
        faults=(400, 404, 406, 410),
        answers={200: answer("A history Bundle, newest first.", FHIR, resource("Bundle"), _TOLD)},
    )
    yield describe(
        "get",
        f"{one}/_history/{{version}}",
        "vread",
        summary="Read one version of a resource",
        parameters=(*which, place("version", "The version.", type="integer"), "If-None-Match", *FORM),
        answers={200: current, 304: same},
    )


def _form(parameters: Mapping[str, tuple[str, str]]) -> Described:
    names = (*parameters, "_id", "_lastUpdated", "_count")
    form = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": form}}}
