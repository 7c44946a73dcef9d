"""The filters of the mapping language; each docstring is the filter's documentation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from service.mapping.language.types import ANY, LIST, OBJECT, TEXT
from service.mapping.terminology.codings import CodeMapping, bare_code, code_in, codings_of, used_of, words_of
from service.values.identifiers.numbers import SYSTEM as TYPES
from service.values.identifiers.numbers import type_of
from service.values.ids import resource_id


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: what it takes, what it gives, and how many text constants it needs."""

    name: str
    function: Callable[..., Any]
    takes: tuple[str, ...]
    gives: str
    arguments: int

    @property
    def summary(self) -> str:
        """What the language page says it gives: the docstring without its example."""
        sentences = [part for part in self._parts() if not part.startswith("Example: ")]
        return " ".join(sentences).removeprefix("Give ")

    @property
    def example(self) -> str:
        """The expression that the language page shows."""
        (sentence,) = (part for part in self._parts() if part.startswith("Example: "))
        return sentence.removeprefix("Example: `").removesuffix("`.")

    def _parts(self) -> list[str]:
        return [" ".join(part.split()) for part in (self.function.__doc__ or "").strip().split("\n\n")]


FILTERS: dict[str, Filter] = {}


def _filter(name: str, *takes: str, gives: str, arguments: int = 0) -> Callable[[Any], Any]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        FILTERS[name] = Filter(name, function, takes, gives, arguments)
        return function

    return register


@_filter("id", TEXT, OBJECT, gives=TEXT, arguments=1)
def identify(owner: str, key: str | None, resource_type: str) -> str | None:
    """Give the id of the resource of a type that is made of this value.

    Example: `{{ goal | id('Goal') }}`.

    It is derived from the UUID of the document the value belongs to, the type and the value's own `id`.
    """
    return None if key is None else resource_id(owner, resource_type, key)


@_filter("reference", TEXT, OBJECT, gives=OBJECT, arguments=1)
def refer(owner: str, key: str | None, resource_type: str) -> dict[str, str] | None:
    """Give a Reference to the resource whose id `id` would give.

    Example: `{{ client | reference('Patient') }}`.

    Absent when the value is.
    """
    return None if key is None else {"reference": f"{resource_type}/{resource_id(owner, resource_type, key)}"}


@_filter("concept", TEXT, gives=TEXT, arguments=1)
def concept(code: str | None, table: dict[Any, Any]) -> str | None:
    """Give the one target code by a ConceptMap of `concepts/`.

    Example: `{{ case.status | concept('site-status') }}`.

    A code the map does not name follows the map's `unmapped`; without that it is an error.
    """
    return table[code]  # type: ignore[no-any-return]


@_filter("coding", TEXT, gives=OBJECT, arguments=1)
def coding(code: str | None, table: dict[Any, Any]) -> dict[str, str] | None:
    """Give the Coding (system, code, display) by a CodeSystem or else a ConceptMap.

    Example: `{{ case.care_model | coding('site-kind') }}`.
    """
    codings = table[code]
    return dict(codings[0]) if codings else None


@_filter("codeable", TEXT, gives=OBJECT, arguments=1)
def codeable(code: str | None, table: dict[Any, Any]) -> dict[str, Any] | None:
    """Give the CodeableConcept by a CodeSystem, a ConceptMap, or both of that name.

    Example: `{{ case.care_model | codeable('site-kind') }}`.

    Our own coding stands first, then each target of the map.
    """
    codings = table[code]
    return {"coding": [dict(target) for target in codings]} if codings else None


@_filter("translate", OBJECT, LIST, gives=TEXT, arguments=1)
def translate(concepts: Any, table: CodeMapping) -> str | None:
    """Give the one target code of a CodeableConcept, or of a list of them, by a ConceptMap of `concepts/`.

    Example: `{{ encounter.class | translate('encounter-class') }}`.

    It is that of the first coding, wherever it stands, that the map names in its own system, else in any,
    else in another case, else by its words. A concept that the map does not name follows the map's
    `unmapped`, and is absent without that.
    """
    return table.code_of(codings_of(concepts), words_of(concepts))


@_filter("code_of", OBJECT, gives=TEXT, arguments=1)
def code_of(concept: dict[str, Any] | None, system: str) -> str | None:
    """Give the code that a CodeableConcept has in a code system, by whichever of its addresses.

    Example: `{{ encounter.class | code_of('http://terminology.hl7.org/CodeSystem/v3-ActCode') }}`.

    Absent where it has none there.
    """
    return code_in(concept, system) if concept else None


@_filter("number_type", OBJECT, gives=TEXT)
def number_type(concept: dict[str, Any] | None) -> str | None:
    """Give the code of HL7 table 0203 for an identifier's type, by its code or by its words.

    Example: `{{ patient.identifier[0].type | number_type }}`.

    Absent where these say nothing of the kind: a number without a type is a record number.
    """
    if not concept:
        return None
    code = type_of(code_in(concept, TYPES) or bare_code(concept))
    return code or next((type_ for word in words_of(concept) if (type_ := type_of(word))), None)


@_filter("coded", OBJECT, gives=OBJECT)
def coded(concept: dict[str, Any] | None) -> dict[str, Any] | None:
    """Give a CodeableConcept as our contracts have it: the coding that is used, the others as `alternates`.

    Example: `{{ encounter.hospitalization.dischargeDisposition | coded }}`.

    It is the first coding of a public code system, else the first; its words are the text.
    """
    return used_of(concept) if concept else None


@_filter("display", TEXT, gives=TEXT, arguments=1)
def display(code: str | None, table: dict[Any, Any]) -> str | None:
    """Give the display text of a code by a CodeSystem of `codesystems/`.

    Example: `{{ case.care_model | display('site-kind') }}`.
    """
    return table[code]  # type: ignore[no-any-return]


@_filter("fhirpath", OBJECT, ANY, gives=ANY, arguments=1)
def fhirpath(value: Any, evaluate: Callable[[Any], list[Any]]) -> Any:
    """Give what a FHIRPath expression finds in a resource: the one value, or the list of several.

    Example: `{{ patient | fhirpath("name.where(use = 'official').family") }}`.

    For inbound mappings: it is slower than a path.
    """
    values = evaluate(value) if value else []
    return values[0] if len(values) == 1 else values


@_filter("join", LIST, gives=TEXT, arguments=1)
def join(items: list[Any] | None, separator: str) -> str | None:
    """Give the present texts of a list with a separator between them.

    Example: `{{ name.given | join(' ') }}`.
    """
    return separator.join([item for item in items or () if item])


@_filter("first", LIST, gives=ANY)
def first(items: list[Any] | None) -> Any:
    """Give the first item of a list; the same as `[0]`.

    Example: `{{ client.names | first }}`.
    """
    return items[0] if items else None


@_filter("last", LIST, gives=ANY)
def last(items: list[Any] | None) -> Any:
    """Give the last item of a list.

    Example: `{{ goal.progress | last }}`.
    """
    return items[-1] if items else None


@_filter("default", ANY, gives=ANY, arguments=1)
def default(value: Any, other: Any) -> Any:
    """Give the value, or a constant where it is absent.

    Example: `{{ case.targeted_group | default('none') }}`.
    """
    return value if value or value == 0 else other


@_filter("date", TEXT, gives=TEXT)
def date(value: str | None) -> str | None:
    """Give the date of a date or an instant, as it was sent.

    Example: `{{ case.period.start | date }}`.
    """
    return value[:10] if value else None


@_filter("time", TEXT, gives=TEXT)
def time(value: str | None) -> str | None:
    """Give the time of day of an instant to the minute, as it was sent; absent of a date.

    Example: `{{ case.period.start | time }}`.
    """
    return value[11:16] if value else None


@_filter("lower", TEXT, gives=TEXT)
def lower(value: str | None) -> str | None:
    """Give the text in lower case.

    Example: `{{ name.family | lower }}`.
    """
    return value.lower() if value else None


@_filter("upper", TEXT, gives=TEXT)
def upper(value: str | None) -> str | None:
    """Give the text in upper case.

    Example: `{{ name.family | upper }}`.
    """
    return value.upper() if value else None


@_filter("strip", TEXT, gives=TEXT)
def strip(value: str | None) -> str | None:
    """Give the text without white space at its ends.

    Example: `{{ name.family | strip }}`.
    """
    return value.strip() if value else None
