"""What search finds a resource by: the values of its type's parameters, in the forms that are compared.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from service.values.kept.resources import SearchRows
from service.wire.fhir.search.forms import terms
from service.wire.fhir.search.forms.dates import EARLIEST, LATEST, Span, span, span_of_period, span_of_timing
from service.wire.fhir.search.forms.texts import normal
from service.wire.fhir.search.parameters import parameters_of, paths_of
from service.wire.fhir.search.paths import Child, Path

# no element: what is said of a resource whether it says something or nothing
ALWAYS: Final = ""
# a union would be made for each node anew
_NODES: Final = (dict, list)
_PARTS: Final = {
    "HumanName": ("family", "given", "prefix", "suffix", "text"),
    "Address": ("line", "city", "district", "state", "postalCode", "country", "text"),
}


class _Found:
    """Collects what a resource is found by."""

    def __init__(self) -> None:
        self.terms: dict[str, None] = {}
        self.ranges: dict[tuple[str, float, float], None] = {}
        self.texts: dict[tuple[str, str], None] = {}


_Add = Callable[[_Found, Path, str, Any], None]


@dataclass(frozen=True, slots=True)
class _Taken:
    """What is taken of a resource at a path, and the bits of the parameters that it is taken for.

    `of_type` are those of parameters that are about references to one type.
    """

    path: Path
    add: _Add
    bits: int
    of_type: tuple[tuple[str, int], ...]

    def bits_of(self, value: Any) -> int:
        """Return the bits of the parameters that a value is one of."""
        bits = self.bits
        for type_, bit in self.of_type:
            bits |= bit if value.get("reference", "").startswith(type_) else 0
        return bits


def rows(resource: dict[str, Any]) -> SearchRows:
    """Return what a resource is found by: the values of the parameters of its type.

    Raises:
        ValueError, OverflowError: a date is none of the calendar.
    """
    found, present = _Found(), 0
    starts = _starts(resource["resourceType"])
    for name in starts.keys() & resource.keys():
        for taken in starts[name]:
            for type_, value in taken.path.values_at(name, resource[name]):
                present |= taken.bits_of(value)
                taken.add(found, taken.path, type_, value)
    for taken in starts.get(ALWAYS, ()):
        for type_, value in taken.path.values(resource):
            present |= taken.bits
            taken.add(found, taken.path, type_, value)
    return SearchRows(tuple(found.terms), tuple(found.ranges), tuple(found.texts), present)


def references_in(node: Any) -> Iterator[tuple[str, str]]:
    """Give (type, id) of every literal reference at or below a node, in no order, versions left off."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            literal = node.get("reference")
            if isinstance(literal, str):
                if "/" in literal and ":" not in literal:
                    type_, id_ = literal.split("/")[:2]
                    yield type_, id_
                # what it was led to has references of its own
                node = {**node, "resource": None}
            node = node.values()
        waiting += [below for below in node if isinstance(below, _NODES)]


@cache
def _starts(type_: str) -> dict[str, list[_Taken]]:
    """Return the paths of a type by the name of the element that they begin with."""
    starts: dict[str, list[_Taken]] = {}
    for kind, path in paths_of(type_).values():
        mine = [parameter for parameter in parameters_of(type_).values() if path in parameter.paths]
        bits = sum(parameter.bit for parameter in mine if not parameter.only)
        of_type = tuple((f"{parameter.only}/", parameter.bit) for parameter in mine if parameter.only)
        first = path.steps[0]
        for name in first.names if isinstance(first, Child) else (ALWAYS,):
            starts.setdefault(name, []).append(_Taken(path, _ADD[kind], bits, of_type))
    return starts


def _token(found: _Found, path: Path, type_: str, value: Any) -> None:
    if type_ == "CodeableConcept":
        for coding in value.get("coding", ()):
            _token(found, path, "Coding", coding)
        _worded(found, path, value.get("text"))
    elif type_ in {"Coding", "Identifier"}:
        code, system = value.get("code" if type_ == "Coding" else "value"), value.get("system", "")
        found.terms |= dict.fromkeys(terms.of_token(path.text, system, code))
        _worded(found, path, value.get("display") or value.get("type", {}).get("text"))
    elif type_ == "ContactPoint":
        found.terms |= {terms.plain(path.text, value["value"]): None} if "value" in value else {}
    else:
        said = str(value).lower() if isinstance(value, bool) else str(value)
        found.terms[terms.plain(path.text, said)] = None


def _worded(found: _Found, path: Path, said: str | None) -> None:
    """Keep what a code is called: R4 search section 3.1.1.4.10, `:text`."""
    if said is not None:
        found.texts[terms.words(path.text), normal(said)] = None


def _reference(found: _Found, path: Path, type_: str, value: Any) -> None:
    if type_ == "canonical":
        found.terms |= dict.fromkeys(
            (terms.to(path.text, value), terms.to(path.text, value.partition("|")[0]))
        )
        return
    if (literal := value.get("reference")) is not None:
        found.terms[terms.to(path.text, literal.partition("/_history/")[0])] = None
    if identifier := value.get("identifier"):
        system, number = identifier.get("system", ""), identifier.get("value")
        known = value.get("type") or (literal or "").rpartition("/")[0].rpartition("/")[2]
        for name in (f"{path.text}:identifier", *([f"{path.text}:identifier:{known}"] if known else [])):
            found.terms |= dict.fromkeys(terms.of_token(name, system, number))


def _date(found: _Found, path: Path, type_: str, value: Any) -> None:
    covered: Span | None
    if type_ == "Period":
        covered = span_of_period(value)
    elif type_ == "Timing":
        covered = span_of_timing(value)
    else:
        # what is scheduled may be told in words
        covered = span(value) if type_ in {"date", "dateTime", "instant"} else None
    if covered is not None:
        found.ranges[path.text, *covered] = None


def _string(found: _Found, path: Path, type_: str, value: Any) -> None:
    texts = [value] if isinstance(value, str) else _parts(value, _PARTS[type_])
    for text in texts:
        found.texts[path.text, normal(text)] = None
        found.terms[terms.exact(path.text, text)] = None


def _parts(value: dict[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        said = value.get(name, ())
        yield from [said] if isinstance(said, str) else (text for text in said if text is not None)


def _quantity(found: _Found, path: Path, type_: str, value: Any) -> None:
    if type_ == "Range":
        low, high = value.get("low", {}), value.get("high", {})
        unit = low or high
        span_ = float(low.get("value", EARLIEST)), float(high.get("value", LATEST))
    elif type_ == "SampledData" or "value" not in value:
        return
    else:
        unit, span_ = value, (float(value["value"]), float(value["value"]))
    for named in terms.units(path.text, unit.get("system", ""), unit.get("code"), unit.get("unit")):
        found.ranges[named, *span_] = None


def _uri(found: _Found, path: Path, _type: str, value: Any) -> None:
    found.terms[terms.plain(path.text, value)] = None


_ADD: Final[dict[str, _Add]] = {
    "token": _token,
    "reference": _reference,
    "date": _date,
    "string": _string,
    "quantity": _quantity,
    "uri": _uri,
}
