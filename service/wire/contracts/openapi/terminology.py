"""What our codes and extensions mean, under /fhir: CodeSystem, ValueSet, ConceptMap, StructureDefinition.

https://hl7.org/fhir/R4/terminology-service.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from service.wire.contracts.openapi.fhir import FHIR, FORM, place, resource
from service.wire.contracts.openapi.operations import Described, Operation, answer, query

TAG: Final = "Terminology"
_TYPES: Final = {"boolean": "boolean", "integer": "integer"}
_ID: Final = place("id", "The logical id.")


@dataclass(frozen=True, slots=True)
class Terminology:
    """What the door answers.

    `operations`: of each type, by name, its operations' parameters and their kinds; `alone`: the operations
    that are asked of a type only, never of one resource; `searched`: the search parameters and their types.
    """

    operations: Mapping[str, Mapping[str, Mapping[str, str]]]
    alone: frozenset[str]
    searched: Mapping[str, str]


def operations(known: Terminology) -> Iterator[Operation]:
    """Give the operations of each type."""
    for type_, asked in known.operations.items():
        yield from _reads(type_, known.searched)
        for name, parameters in asked.items():
            yield from _operation(type_, name, parameters, f"/fhir/{type_}", ())
            if name not in known.alone:
                yield from _operation(type_, name, parameters, f"/fhir/{type_}/{{id}}", (_ID,))


def _reads(type_: str, searched: Mapping[str, str]) -> Iterator[Operation]:
    said = partial(Operation, tag=TAG, right="resources")
    bundle = {200: answer(f"A searchset Bundle of {type_} resources.", FHIR, resource("Bundle"))}
    given = tuple(query(name, f"A {kind}.") for name, kind in searched.items())
    yield said(
        "get",
        f"/fhir/{type_}",
        f"search-{type_}",
        summary=f"Search {type_}",
        parameters=(*given, "Count", "Format"),
        answers=bundle,
        faults=(406,),
    )
    form = {"type": "object", "properties": {name: {"type": "string"} for name in searched}}
    yield said(
        "post",
        f"/fhir/{type_}/_search",
        f"search-{type_}-by-form",
        summary=f"Search {type_} by a form",
        parameters=("Format",),
        body={"content": {"application/x-www-form-urlencoded": {"schema": form}}},
        answers=bundle,
        faults=(406, 408, 413, 415),
    )
    yield said(
        "get",
        f"/fhir/{type_}/{{id}}",
        f"read-{type_}",
        summary=f"Read a {type_}",
        parameters=(_ID, "If-None-Match", "Format"),
        answers={
            200: answer(f"The {type_}.", FHIR, resource(type_), ("ETag",)),
            304: {"description": "It is the version you have.", "headers": {"ETag": "ETag"}},
        },
        faults=(404, 406),
    )


def _operation(
    type_: str, name: str, parameters: Mapping[str, str], path: str, which: tuple[Described, ...]
) -> Iterator[Operation]:
    simple = {each: _TYPES.get(kind, "string") for each, kind in parameters.items() if kind.islower()}
    made = "ValueSet" if name == "expand" else "Parameters"
    called = f"{name}-{type_}" + ("-of-one" if which else "")
    said = partial(
        Operation,
        path=f"{path}/${name}",
        tag=TAG,
        right="resources",
        answers={200: answer("What was asked for.", FHIR, resource(made))},
    )
    yield said(
        "get",
        name=called,
        summary=f"Ask ${name} of {'a' if which else 'any'} {type_}",
        parameters=(
            *which,
            *(query(each, "As FHIR defines it.", type=kind) for each, kind in simple.items()),
            *FORM,
        ),
        faults=(404, 406),
    )
    what = f"A Parameters resource with {', '.join(parameters)}."
    yield said(
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
