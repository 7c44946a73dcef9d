"""What can be asked about our codes and extensions, as tables and as descriptions of routes under /fhir.

https://hl7.org/fhir/R4/terminology-service.html
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from service.disclose.openapi import FORM, LOOKS
from service.wire.contracts.published.openapi.operations import (
    FHIR,
    Described,
    Operation,
    answer,
    place,
    query,
    resource,
)
from service.wire.fhir.exchange.parameters import BOOLEAN, CODING, CONCEPT, INTEGER, TEXT

SEARCHED: Final = {"_id": "token", "url": "uri", "version": "token", "name": "string", "status": "token"}
_CODE: Final = {"code": TEXT, "system": TEXT, "version": TEXT, "coding": CODING}
_VALIDATE: Final = {
    "url": TEXT,
    **_CODE,
    "codeableConcept": CONCEPT,
    "display": TEXT,
    "displayLanguage": TEXT,
}
TAKEN: Final = {
    "lookup": {**_CODE, "displayLanguage": TEXT, "property": TEXT},
    "translate": {
        "url": TEXT,
        **_CODE,
        "codeableConcept": CONCEPT,
        "source": TEXT,
        "target": TEXT,
        "targetsystem": TEXT,
        "reverse": BOOLEAN,
    },
    "expand": {
        "url": TEXT,
        "filter": TEXT,
        "offset": INTEGER,
        "count": INTEGER,
        "includeDesignations": BOOLEAN,
        "displayLanguage": TEXT,
        "activeOnly": BOOLEAN,
        "excludeNested": BOOLEAN,
    },
    "validate-code": _VALIDATE,
}
EXPANDED_BY: Final = tuple(name for name in TAKEN["expand"] if name != "url")
OPERATIONS: Final = {
    "CodeSystem": ("lookup", "validate-code"),
    "ConceptMap": ("translate",),
    "OperationDefinition": (),
    "SearchParameter": (),
    "StructureDefinition": (),
    "ValueSet": ("expand", "validate-code"),
}
OF_TYPES_ALONE: Final = frozenset({"lookup"})
_TAG: Final = "Terminology"
_TYPES: Final = {"boolean": "boolean", "integer": "integer"}
_SILENT: Final = "What codes and extensions mean is nobody's data."
_ID: Final = place("id", "The logical id.")


def operations() -> Iterator[Operation]:
    """Give the operations of each type."""
    for type_, names in OPERATIONS.items():
        yield from _reads(type_)
        for name in names:
            yield from _operation(type_, name, TAKEN[name], f"/fhir/{type_}", ())
            if name not in OF_TYPES_ALONE:
                yield from _operation(type_, name, TAKEN[name], f"/fhir/{type_}/{{id}}", (_ID,))


def _reads(type_: str) -> Iterator[Operation]:
    describe = partial(Operation, tag=_TAG, silent=_SILENT)
    bundle = {200: answer(f"A searchset Bundle of {type_} resources.", FHIR, resource("Bundle"))}
    own_parameters = tuple(query(name, f"A {kind}.") for name, kind in SEARCHED.items())
    yield describe(
        "get",
        f"/fhir/{type_}",
        f"search-{type_}",
        summary=f"Search {type_}",
        parameters=(*own_parameters, "Count", *LOOKS),
        answers=bundle,
        faults=(406,),
    )
    form = {"type": "object", "properties": {name: {"type": "string"} for name in SEARCHED}}
    yield describe(
        "post",
        f"/fhir/{type_}/_search",
        f"search-{type_}-by-form",
        summary=f"Search {type_} by a form",
        parameters=LOOKS,
        body={"content": {"application/x-www-form-urlencoded": {"schema": form}}},
        answers=bundle,
        faults=(406, 408, 413, 415),
    )
    yield describe(
        "get",
        f"/fhir/{type_}/{{id}}",
        f"read-{type_}",
        summary=f"Read a {type_}",
        parameters=(_ID, "If-None-Match", *LOOKS),
        answers={
            200: answer(f"The {type_}.", FHIR, resource(type_), ("ETag",)),
            304: {"description": "It is the version you have.", "headers": {"ETag": "ETag"}},
        },
        faults=(404, 406),
    )


def _operation(
    type_: str, name: str, parameters: Mapping[str, str], path: str, which: tuple[Described, ...]
) -> Iterator[Operation]:
    simple = {
        parameter: _TYPES.get(kind, "string") for parameter, kind in parameters.items() if kind.islower()
    }
    resource_type = "ValueSet" if name == "expand" else "Parameters"
    called = f"{name}-{type_}" + ("-of-one" if which else "")
    describe = partial(
        Operation,
        path=f"{path}/${name}",
        tag=_TAG,
        silent=_SILENT,
        answers={200: answer("What was asked for.", FHIR, resource(resource_type))},
    )
    yield describe(
        "get",
        name=called,
        summary=f"Ask ${name} of {'a' if which else 'any'} {type_}",
        parameters=(
            *which,
            *(query(parameter, "As FHIR defines it.", type=kind) for parameter, kind in simple.items()),
            *FORM,
        ),
        faults=(404, 406),
    )
    what = f"A Parameters resource with {', '.join(parameters)}."
    yield describe(
        "post",
        name=f"{called}-by-parameters",
        summary=f"Ask ${name} of {'a' if which else 'any'} {type_}, with Parameters",
        parameters=(*which, *FORM),
        body={
            "required": True,
            "content": {FHIR: {"schema": {**resource("Parameters"), "description": what}}},
        },
        faults=(404, 406, 408, 413, 415, 422),
    )
