"""What is said of the routes for those who pull, /fhir: FHIR R4's RESTful API, as far as it goes here.

https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Iterable, Iterator, Sequence
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
from service.wire.fhir.definitions.operations import EVERYTHING
from service.wire.fhir.search.parameters import OF_EVERY_RESOURCE, parameters_of

LOOKS: Final = ("Format", "Pretty")
FORM: Final = (*LOOKS, "Accept-Language")
_TOLD: Final = ("Content-Language",)
_VERSION: Final = ("ETag", "Last-Modified", *_TOLD)
_KINDS: Final = {
    "token": "`code`, `|code`, `system|code` or `system|`; `:not`, `:text` (what it is called), `:in` and"
    " `:not-in` (a ValueSet), `:below` and `:above`",
    "reference": "`Type/id`, the id alone, or the whole address; `:Type` and `:identifier`",
    "date": "a date or instant with an optional prefix, e.g. `ge2026-03`",
    "string": "the beginning of the text; `:exact` and `:contains`",
    "quantity": "`5.4`, `gt5.4`, `5.4|system|code` or `5.4||unit`",
    "uri": "the URI",
}
_RESULTS: Final = {
    "_sort": "Names of dates, quantities, strings, `_lastUpdated` or `_id`, with `-` before those that fall.",
    "_total": "Whether all that matches is counted: `none`, `estimate` or `accurate`.",
    "_summary": "`true`, `text`, `data`, `count` or `false`.",
    "_elements": "Names of elements, with commas between.",
    "_include": "`Type:parameter`, with `:Type` after it for references to that alone.",
    "_revinclude": "`Type:parameter` that refers to what matches, as `Provenance:target`.",
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
        parameters=(query("mode", "What is asked for.", enum=modes, default="full"), *LOOKS),
        faults=(400, 406),
        answers={200: answer("The CapabilityStatement, or TerminologyCapabilities.", FHIR, resource())},
    )
    return (capability,)


def operations(types: Sequence[str]) -> Iterator[Operation]:
    """Give the operations of the types that are kept, and of those that are searched."""
    for type_ in types:
        yield from _of_type(type_)
    yield from _wide(types)
    yield from _reads(types)
    yield from _everythings()
    yield from _documents()


def _of_type(type_: str) -> Iterator[Operation]:
    known = parameters_of(type_)
    own = (query(name, f"{_KINDS[parameter.kind]}; `:missing`.") for name, parameter in known.items())
    return searches(type_, (*own, "Id", "Last-Updated", *_results()), (*known, *OF_EVERY_RESOURCE, *_RESULTS))


def searches(type_: str, parameters: Iterable[str | Described], names: Iterable[str]) -> Iterator[Operation]:
    """Give the operations of a search on a type: by parameters, and by a form that has fields of these names.

    `_count` and what pages go on by are added.
    """
    bundle = answer("A searchset Bundle of what you may see.", FHIR, resource("Bundle"), _TOLD)
    describe = partial(Operation, tag=FHIR_TAG, answers={200: bundle})
    yield describe(
        "get",
        f"/fhir/{type_}",
        f"search-{type_}",
        summary=f"Search {type_}",
        parameters=(*parameters, "Count", "Cursor", *FORM),
        faults=(404, 406),
    )
    yield describe(
        "post",
        f"/fhir/{type_}/_search",
        f"search-{type_}-by-form",
        summary=f"Search {type_} with values that stay out of addresses",
        parameters=FORM,
        body=_form(names),
        faults=(404, 406, 408, 413, 415),
    )


def _results() -> tuple[Described, ...]:
    return tuple(query(name, text) for name, text in _RESULTS.items())


def _wide(types: Sequence[str]) -> Iterator[Operation]:
    """Give the searches that are of no one type: of the system, and of a patient's compartment."""
    bundle = answer("A searchset Bundle of what you may see.", FHIR, resource("Bundle"), _TOLD)
    describe = partial(Operation, tag=FHIR_TAG, answers={200: bundle})
    of_all = (query("_type", "Types, with commas between; all where there is none."), "Id", "Last-Updated")
    yield describe(
        "get",
        "/fhir",
        "search-system",
        summary="Search several types",
        parameters=(*of_all, *_results(), "Count", "Cursor", *FORM),
        faults=(406,),
    )
    yield describe(
        "post",
        "/fhir/_search",
        "search-system-by-form",
        summary="Search several types with values that stay out of addresses",
        parameters=FORM,
        body=_form(("_type", *OF_EVERY_RESOURCE, *_RESULTS)),
        faults=(406, 408, 413, 415),
    )
    yield describe(
        "get",
        "/fhir/{compartment}/{id}/{type}",
        "search-compartment",
        summary="Search what is of a patient, with the parameters of the type",
        parameters=(
            place("compartment", "The type of the compartment.", enum=["Patient"]),
            place("id", "The logical id of the Patient."),
            place("type", "The resource type.", enum=list(types)),
            *("Id", "Last-Updated"),
            *_results(),
            *("Count", "Cursor"),
            *FORM,
        ),
        faults=(404, 406),
    )


def _everythings() -> Iterator[Operation]:
    """Give the operations that answer all that is of a patient, of all patients, or of an episode."""
    one = (place("id", "The logical id."),)
    for type_ in EVERYTHING:
        path, name = f"/fhir/{type_}/{{id}}/$everything", f"everything-{type_}"
        yield from _everything(path, name, f"Read all that is of one {type_}", one, (404, 406, 410))
    yield from _everything(
        "/fhir/Patient/$everything", "everything", "Read all that is of all Patients", (), (406,)
    )


def _everything(
    path: str, name: str, summary: str, places: tuple[Described, ...], faults: tuple[int, ...]
) -> Iterator[Operation]:
    bundle = answer("A searchset Bundle of what you may see.", FHIR, resource("Bundle"), _TOLD)
    describe = partial(Operation, tag=FHIR_TAG, answers={200: bundle})
    of_types = query("_type", "Types, with commas between; all where there is none.")
    yield describe(
        "get",
        path,
        name,
        summary=summary,
        parameters=(*places, of_types, "Since", "Count", "Cursor", *FORM),
        faults=faults,
    )
    schema = {**resource("Parameters"), "description": "Parameters with _type, _since and _count."}
    yield describe(
        "post",
        path,
        f"{name}-by-parameters",
        summary=f"{summary}, with Parameters",
        parameters=(*places, *FORM),
        body={"content": {FHIR: {"schema": schema}}},
        faults=tuple(sorted((*faults, 408, 413, 415))),
    )


def _documents() -> Iterator[Operation]:
    told = answer("A document Bundle.", FHIR, resource("Bundle"), ("ETag", *_TOLD))
    same = {"description": "It is the document you have.", "headers": {"ETag": "ETag"}}
    path, id_ = "/fhir/EpisodeOfCare/{id}/$document", place("id", "The logical id.")
    summary = "Read a case as a document, for people to read and file"
    describe = partial(Operation, tag=FHIR_TAG)
    yield describe(
        "get",
        path,
        "document",
        summary=summary,
        parameters=(id_, "If-None-Match", *FORM),
        faults=(404, 406, 410, 422),
        answers={200: told, 304: same},
    )
    schema = {**resource("Parameters"), "description": "Parameters of which there are none."}
    yield describe(
        "post",
        path,
        "document-by-parameters",
        summary=f"{summary}, by POST",
        parameters=(id_, *FORM),
        body={"content": {FHIR: {"schema": schema}}},
        faults=(404, 406, 408, 410, 413, 415, 422),
        answers={200: told},
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
        parameters=(*which, "If-None-Match", "If-Modified-Since", *FORM),
        answers={200: current, 304: same},
    )
    for of, path, places, name, faults in (
        ("a resource", one, which, "history", (404, 406, 410)),
        ("a type", "/fhir/{type}", which[:1], "history-type", (404, 406)),
        ("all types", "/fhir", (), "history-system", (406,)),
    ):
        yield describe(
            "get",
            f"{path}/_history",
            name,
            summary=f"Read all versions of {of}",
            parameters=(*places, "Count", "Since", "At", "Cursor", *FORM),
            faults=faults,
            answers={200: answer("A history Bundle, newest first.", FHIR, resource("Bundle"), _TOLD)},
        )
    yield describe(
        "get",
        f"{one}/_history/{{version}}",
        "vread",
        summary="Read one version of a resource",
        parameters=(
            *which,
            place("version", "The version.", type="integer"),
            "If-None-Match",
            "If-Modified-Since",
            *FORM,
        ),
        answers={200: current, 304: same},
    )


def _form(names: Iterable[str]) -> Described:
    form = {"type": "object", "properties": {name: {"type": "string"} for name in (*names, "_count")}}
    return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": form}}}
