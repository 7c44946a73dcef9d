"""The FHIRPath that search parameters are written in, compiled: steps from a resource to its values.

Of FHIRPath (http://hl7.org/fhirpath/N1/) these expressions use paths, `as`, `where` with one equality or with
`resolve() is`, and once the question whether something is said and not false. What else an expression says
is refused when it is compiled.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from service.wire.fhir.definitions.r4 import definitions

_STEP: Final = re.compile(
    r"\.?(?:(?P<resolve>where\(resolve\(\) is (\w+)\))"
    r"|where\((?P<name>\w+)\s*=\s*'(?P<value>[^']*)'\)"
    r"|as\((?P<as>\w+)\)"
    r"|(?P<child>\w+)(?!\())"
)
_CAST: Final = re.compile(r"\((?P<path>[\w.]+) as (?P<type>\w+)\)(?P<rest>.*)\Z")
_TRUTH: Final = re.compile(r"(?P<path>[\w.]+)\.exists\(\) and (?P=path) != false\Z")
_RESOLVE: Final = re.compile(r"\.where\(resolve\(\) is (\w+)\)\Z")

Values = Iterator[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Child:
    """To the elements of these JSON names, each with the type of its values."""

    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Where:
    """Only to where a child has this value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Truth:
    """To whether one of the elements is there and not false."""

    names: Mapping[str, str]


Step = Child | Where | Truth


@dataclass(frozen=True, slots=True)
class Path:
    """One expression without alternatives: `text` names it within its type, `types` are those of its values.

    `targets` are the types that a Reference there may lead to, empty for any; `codes` the systems of a code.
    """

    text: str
    steps: tuple[Step, ...]
    types: frozenset[str]
    targets: frozenset[str] = frozenset()
    codes: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)

    def values(self, resource: Mapping[str, Any]) -> Values:
        """Give the values, each with its type."""
        return _values(resource, "", self.steps)

    def values_at(self, name: str, value: Any) -> Values:
        """Give the values below an element that the path begins with, of that name and value."""
        first = self.steps[0]
        return _values(value, first.names[name] if isinstance(first, Child) else "", self.steps[1:])


def path_of(expression: str) -> tuple[Path, str | None]:
    """Return the path of an expression, and the only type that a reference there may be to, if there is one.

    Raises:
        ValueError: it says something that is not known here.
    """
    resolve = _RESOLVE.search(expression)
    plain = expression[: resolve.start()] if resolve else expression
    if truth := _TRUTH.match(plain):
        path = _compile(truth["path"])
        last = path.steps[-1]
        if not isinstance(last, Child):
            raise ValueError(f"{expression!r} does not end in an element")
        steps = (*path.steps[:-1], Truth(last.names))
        return Path(f"{path.text}?", steps, frozenset({"boolean"})), None
    if cast := _CAST.match(plain):
        plain = f"{cast['path']}.as({cast['type']}){cast['rest']}"
    return _compile(plain), resolve[1] if resolve else None


def _compile(text: str) -> Path:
    root, _, rest = text.partition(".")
    types, steps, position = [root], list[Step](), 0
    targets: frozenset[str] = frozenset()
    codes: Mapping[str, frozenset[str]] = {}
    while position < len(rest):
        step = _STEP.match(rest, position)
        if step is None or step["resolve"]:
            raise ValueError(f"{text!r} is not understood from {rest[position:]!r} on")
        position = step.end()
        if step["name"]:
            steps.append(Where(step["name"], step["value"]))
        elif step["as"]:
            names = _of_type(steps.pop(), step["as"])
            steps.append(Child(names))
            types = list(names.values())
        else:
            names, targets, codes = _children(types, step["child"])
            if not names:
                raise ValueError(f"{text!r}: R4 knows no {step['child']} of {types}")
            steps.append(Child(names))
            types = list(names.values())
    return Path(rest, tuple(steps), frozenset(types), targets, codes)


def _of_type(step: Step, type_: str) -> dict[str, str]:
    names = step.names if isinstance(step, Child) else {}
    return {name: of for name, of in names.items() if of == type_}


def _children(
    types: list[str], child: str
) -> tuple[dict[str, str], frozenset[str], Mapping[str, frozenset[str]]]:
    names: dict[str, str] = {}
    targets: frozenset[str] = frozenset()
    codes: Mapping[str, frozenset[str]] = {}
    for type_ in dict.fromkeys(types):
        for base in definitions().bases(type_):
            for element in definitions()[base].elements:
                if element.name in {child, f"{child}[x]"}:
                    names = {**element.json_names(), **names}
                    targets, codes = element.targets, element.codes or {}
    return names, targets, codes


def _values(node: Any, type_: str, steps: tuple[Step, ...]) -> Values:
    if isinstance(node, list):
        for item in node:
            yield from _values(item, type_, steps)
        return
    if not steps:
        yield type_, node
        return
    if not isinstance(node, dict):
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, Child):
        for name, of in step.names.items():
            if name in node:
                yield from _values(node[name], of, rest)
    elif isinstance(step, Where):
        if node.get(step.name) == step.value:
            yield from _values(node, type_, rest)
    else:
        said = [node[name] for name in step.names if name in node]
        yield "boolean", bool(said) and said != [False]
