"""What an operation is asked with and answers, as Parameters: https://hl7.org/fhir/R4/parameters.html."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from service.errors import Issue, Malformed
from service.wire.fhir.check.check import check
from service.wire.parameters import shown

TEXT: Final = "text"
BOOLEAN: Final = "boolean"
INTEGER: Final = "integer"
CODING: Final = "Coding"
CONCEPT: Final = "CodeableConcept"
_TEXTS = ("Code", "Uri", "String", "Canonical", "Url", "Id", "DateTime", "Date", "Instant")
_KEYS = {
    TEXT: tuple(f"value{type_}" for type_ in _TEXTS),
    BOOLEAN: ("valueBoolean",),
    INTEGER: ("valueInteger", "valuePositiveInt", "valueUnsignedInt"),
    CODING: ("valueCoding",),
    CONCEPT: ("valueCodeableConcept",),
}
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class OperationInput:
    """The parameters of one call, by name; every value is of the kind its name is known to have."""

    values: dict[str, list[Any]] = field(default_factory=dict)

    def one(self, name: str) -> Any:
        """The value of a parameter, or None; raises Malformed when it is given more than once."""
        values = self.values.get(name, [])
        if len(values) > 1:
            raise Malformed("Given more than once; give it once.", where=name)
        return values[0] if values else None

    def many(self, name: str) -> tuple[Any, ...]:
        """All values of a parameter."""
        return tuple(self.values.get(name, []))


def from_query(pairs: Iterable[tuple[str, str]], kinds: Mapping[str, str]) -> OperationInput:
    """Read the parameters of an address; `kinds` gives the kind of each name that is taken.

    Raises:
        Malformed: an unknown name, a value not of its kind, or a kind that only a body can hold.
    """
    values: dict[str, list[Any]] = {}
    for name, text in pairs:
        values.setdefault(name, []).append(_of_text(name, text, _kind(name, kinds)))
    return OperationInput(values)


def from_resource(document: Any, kinds: Mapping[str, str]) -> OperationInput:
    """Read a Parameters resource; `kinds` gives the kind of each name that is taken.

    Raises:
        Malformed: it is no valid Parameters, an unknown name, or a value not of its kind.
    """
    if not isinstance(document, dict) or document.get("resourceType") != "Parameters":
        raise Malformed("The body is no Parameters resource; send one.", where="resourceType")
    if wrong := check(document):
        raise Malformed("The body is not valid R4.", issues=wrong)
    values: dict[str, list[Any]] = {}
    for parameter in document.get("parameter", []):
        kind = _kind(parameter["name"], kinds)
        values_here = [parameter[key] for key in _KEYS[kind] if key in parameter]
        if not values_here:
            raise Malformed(f"Needs a {_KEYS[kind][0]} here.", where=parameter["name"])
        values.setdefault(parameter["name"], []).append(values_here[0])
    return OperationInput(values)


def part(name: str, kind: str, value: Any) -> dict[str, Any]:
    """One parameter with a value; `kind` ends value[x], as in `Coding`."""
    return {"name": name, f"value{kind}": value}


def group(name: str, parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """One parameter made of parts."""
    return {"name": name, "part": list(parts)}


def parameters(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The Parameters resource of an answer."""
    return {"resourceType": "Parameters", "parameter": list(parts)}


def _kind(name: str, kinds: Mapping[str, str]) -> str:
    if name not in kinds:
        what = f"Not a parameter that is taken here; known are {', '.join(kinds)}."
        raise Malformed(what, issues=[Issue(what, shown(name), "not-supported")])
    return kinds[name]


def _of_text(name: str, text: str, kind: str) -> Any:
    if kind == TEXT:
        return text
    if kind == BOOLEAN and text in {"true", "false"}:
        return text == "true"
    if kind == INTEGER and text.isdecimal() and text.isascii() and len(text) <= _MOST_DIGITS:
        return int(text)
    needs = {BOOLEAN: "true or false", INTEGER: "a number from 0 up"}.get(
        kind, "a Parameters body to hold it"
    )
    raise Malformed(f"Needs {needs}.", where=name)
