"""The search parameters of every type that is kept, compiled from parameters.json and ours at first use.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as File
from types import MappingProxyType
from typing import Any, Final

from service.wire.fhir.definitions.searches import OURS, expressions
from service.wire.fhir.search.paths import Path, path_of
from service.wire.json import canonical

_DATA: Final = File(__file__).with_name("parameters.json")
_COMMON: Final = "Resource"
# another number for another way to compare values that resources are found by
_COMPARED: Final = b"2"
# these are columns of what is kept, not values of it
OF_EVERY_RESOURCE: Final = MappingProxyType({"_id": "token", "_lastUpdated": "date"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter of a type: its kind, and the paths to its values.

    `targets` are the types that a reference may be to; empty are those of no reference, or of any. `only` is
    the one type among those of its path that it is about. `bit` is its own in `SearchRows.present`.
    """

    name: str
    kind: str
    paths: tuple[Path, ...]
    targets: frozenset[str]
    only: str
    bit: int


@cache
def searched_types() -> tuple[str, ...]:
    """Return the types that have parameters of their own, which are those that are kept."""
    return tuple(sorted(_read()["parameters"].keys() - {_COMMON}))


@cache
def parameters_of(type_: str) -> Mapping[str, Parameter]:
    """Return the search parameters of a type by name; _id and _lastUpdated are not among them."""
    raw = _read()["parameters"]
    stated = {**raw[_COMMON], **raw.get(type_, {})}
    return MappingProxyType(
        {
            name: _parameter(type_, name, number, *stated[name])
            for number, name in enumerate(sorted(stated.keys() - OF_EVERY_RESOURCE.keys()))
        }
    )


@cache
def paths_of(type_: str) -> Mapping[str, tuple[str, Path]]:
    """Return the paths of a type's parameters by their text, each with the kind of its values, in order.

    What several parameters share is one path: `patient` and `subject`, `code` and `combo-code`.
    """
    paths = {
        path.text: (parameter.kind, path)
        for parameter in parameters_of(type_).values()
        for path in parameter.paths
    }
    return MappingProxyType(dict(sorted(paths.items())))


def compartment_of(type_: str) -> tuple[Parameter, ...]:
    """Return the parameters by which a resource of a type is in the compartment of the patient it is of.

    https://hl7.org/fhir/R4/compartmentdefinition-patient.html
    """
    known = parameters_of(type_)
    return tuple(known[name] for name in _read()["compartment"].get(type_, ()))


@cache
def summary_of(type_: str) -> frozenset[str]:
    """Return the paths of the elements that a summary of a type has; a choice ends in [x]."""
    return frozenset(_read()["summary"].get(type_, ()))


def _parameter(type_: str, name: str, number: int, kind: str, expressions: list[str]) -> Parameter:
    compiled = [path_of(expression.replace(f"{_COMMON}.", f"{type_}.")) for expression in expressions]
    targets = [{only} if only else path.targets for path, only in compiled]
    named = frozenset().union(*targets) if all(targets) else frozenset[str]()
    paths, (only, *others) = zip(*compiled, strict=True)
    if any(other != only for other in others):
        raise ValueError(f"{type_} {name} is about a type at one of its paths alone")
    return Parameter(name, kind, paths, named, only or "", 1 << number)


@cache
def edition() -> str:
    """Return what names these parameters, and how values are compared: another one finds by others."""
    return hashlib.sha256(_COMPARED + _DATA.read_bytes() + canonical(list(OURS))).hexdigest()[:8]


@cache
def _read() -> dict[str, Any]:
    """Return what is distilled of R4 and US Core, with our own parameters."""
    read: dict[str, Any] = json.loads(_DATA.read_bytes())
    for parameter in OURS:
        for type_ in parameter["base"]:
            (expression,) = (each for each in expressions(parameter) if each.startswith(f"{type_}."))
            read["parameters"][type_][parameter["code"]] = parameter["type"], [expression]
    return read
