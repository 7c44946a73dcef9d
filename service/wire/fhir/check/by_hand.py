"""The R4 invariants that the FHIRPath engine cannot evaluate, written out: true when they hold.

Each takes the object the invariant is about, the resource it stands in and the outermost resource.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from service.values.dates import is_before

_Json = dict[str, Any]
_UCUM = "http://unitsofmeasure.org"


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _strings(child)


def _period(value: _Json, _resource: _Json, _root: _Json) -> bool:
    """per-1: it does not end before it starts, as far as both are known."""
    start, end = value.get("start"), value.get("end")
    return not (start and end and is_before(end, start))


def _bundle_timestamp(value: _Json, _resource: _Json, _root: _Json) -> bool:
    """bdl-10: a document has a timestamp."""
    return value.get("type") != "document" or "timestamp" in value


def _is_ucum(value: _Json) -> bool:
    return ("code" in value or "value" not in value) and value.get("system", _UCUM) == _UCUM


def _age(value: _Json, _resource: _Json, _root: _Json) -> bool:
    """age-1: a positive number of a UCUM unit."""
    return _is_ucum(value) and value.get("value", 1) > 0


def _count(value: _Json, _resource: _Json, _root: _Json) -> bool:
    """cnt-3: a whole number without a unit."""
    whole = "." not in str(value.get("value", 0))
    return _is_ucum(value) and value.get("code", "1") == "1" and whole


def _on_behalf_of(value: _Json, _resource: _Json, _root: _Json) -> bool:
    """ctm-1: only a practitioner acts on behalf of an organization, as far as the reference tells."""
    if "onBehalfOf" not in value:
        return True
    member: _Json = value.get("member", {})
    literal = str(member.get("reference", "")).partition("/_history")[0]
    kind = literal.split("/")[-2] if "/" in literal else ""
    return (member.get("type") or kind or "Practitioner") == "Practitioner"


def _contained_is_used(value: _Json, resource: _Json, _root: _Json) -> bool:
    """dom-3: what is contained is referred to, or refers to what contains it."""
    references_made = set(_strings(resource))
    return all(
        f"#{inner.get('id', '')}" in references_made or "#" in set(_strings(inner))
        for inner in value.get("contained", [])
    )


def _range(value: _Json, _resource: _Json, _root: _Json) -> bool:
    """rng-2: low is not above high; quantities of different units are not compared."""
    low, high = value.get("low", {}), value.get("high", {})
    units = [(quantity.get("system"), quantity.get("code", quantity.get("unit"))) for quantity in (low, high)]
    if "value" not in low or "value" not in high or units[0] != units[1]:
        return True
    return Decimal(str(low["value"])) <= Decimal(str(high["value"]))


def _local_reference(value: _Json, _resource: _Json, root: _Json) -> bool:
    """ref-1: a local reference points to a contained resource, or to the container."""
    literal = value.get("reference", "")
    if not literal.startswith("#") or literal == "#":
        return True
    return literal[1:] in {inner.get("id") for inner in root.get("contained", [])}


BY_HAND: dict[str, Callable[[_Json, _Json, _Json], bool]] = {
    "per-1": _period,
    "bdl-10": _bundle_timestamp,
    "age-1": _age,
    "cnt-3": _count,
    "ctm-1": _on_behalf_of,
    "dom-3": _contained_is_used,
    "rng-2": _range,
    "ref-1": _local_reference,
}
