"""R4's error-level invariants over a resource, by FHIRPath: https://hl7.org/fhir/R4/conformance-rules.html#constraints.

For tests and the author of mappings, not for the hot path. What fhirpathpy cannot evaluate is listed with its
reason and checked by hand.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from service.errors import Issue
from service.wire.fhir.check.by_hand import BY_HAND
from service.wire.fhir.definitions.r4 import Element, definitions

_NO_HAS_VALUE = "fhirpathpy has no hasValue()"
UNSUPPORTED = {
    "ele-1": f"{_NO_HAS_VALUE}; check() refuses everything empty",
    "per-1": _NO_HAS_VALUE,
    "bdl-10": _NO_HAS_VALUE,
    "age-1": _NO_HAS_VALUE,
    "cnt-3": _NO_HAS_VALUE,
    "ctm-1": "fhirpathpy has no resolve()",
    "dom-3": "fhirpathpy's `as` refuses more than one item",
    "rng-2": "fhirpathpy cannot compare quantities as FHIR writes them",
    "ref-1": "fhirpathpy gives no answer where there is no literal reference",
    "txt-1": "fhirpathpy has no htmlChecks(); check() reads the XHTML",
    "txt-2": "fhirpathpy has no htmlChecks(); check() reads the XHTML",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One object in a resource: where it stands, what it is, and the resources it stands in."""

    where: str
    type: str
    stated_at: str
    value: dict[str, Any]
    resource: dict[str, Any]
    root: dict[str, Any]


def violations(resource: dict[str, Any]) -> list[Issue]:
    """Return the invariants a structurally valid resource breaks, each with its key and FHIRPath."""
    return [
        Issue(f"{rule.human} ({rule.key})", node.where, "invariant")
        for node in nodes(resource)
        for path in dict.fromkeys([node.stated_at, *definitions().bases(node.type)])
        for rule in definitions().rules(path)
        if not _holds(rule.key, rule.expression, node)
    ]


def nodes(resource: dict[str, Any]) -> Iterator[Node]:
    """Every object of a resource that has a defined type, the resource itself first."""
    kind = resource.get("resourceType", "")
    if kind in definitions():
        yield from _below(Node(kind, kind, kind, resource, resource, resource))


def evaluate(expression: str, node: Node) -> Any:
    """Let fhirpathpy evaluate an expression at a node: a list, `[True]` when it holds."""
    # It writes type names into what it is given.
    value = _engine().create_node(deepcopy(node.value), node.type)
    return _compile_invariant(expression)(value, {"resource": node.resource, "rootResource": node.root})


def _holds(key: str, expression: str, node: Node) -> bool:
    if key in UNSUPPORTED:
        return BY_HAND[key](node.value, node.resource, node.root) if key in BY_HAND else True
    return bool(evaluate(expression, node) == [True])


@dataclass(frozen=True, slots=True)
class _Engine:
    """What is used of fhirpathpy, which has no types of its own."""

    create_node: Callable[[Any, str], Any]
    compile: Callable[..., Callable[[Any, dict[str, Any]], Any]]
    model: Any


@cache
def _engine() -> _Engine:
    """Load fhirpathpy at first use: its parser takes long to load."""
    from fhirpathpy import compile as compile_expression
    from fhirpathpy.engine.nodes import ResourceNode
    from fhirpathpy.models import models

    return _Engine(ResourceNode.create_node, compile_expression, models["r4"])


@cache
def _compile_invariant(expression: str) -> Callable[[Any, dict[str, Any]], Any]:
    # Without a trace function trace() prints values.
    return _engine().compile(expression, _engine().model, {"traceFn": lambda *_: None})


def _below(node: Node) -> Iterator[Node]:
    yield node
    for element in definitions()[node.type].elements:
        for key, kind in element.json_names().items():
            value = node.value.get(key)
            items = value if isinstance(value, list) else [value]
            for index, item in enumerate(items):
                if isinstance(item, dict):
                    place = f"[{index}]" if isinstance(value, list) else ""
                    yield from _child(node, element, kind, place, item)


def _child(node: Node, element: Element, kind: str, place: str, value: dict[str, Any]) -> Iterator[Node]:
    """The node of one value and those below it; a resource in a resource is one of its own."""
    where = f"{node.where}.{element.name.removesuffix('[x]')}{place}"
    if kind != "Resource":
        stated_at = f"{node.type}.{element.name}"
        yield from _below(Node(where, kind, stated_at, value, node.resource, node.root))
        return
    inner = value.get("resourceType", "")
    if inner in definitions():
        root = node.root if element.name == "contained" else value
        yield from _below(Node(where, inner, inner, value, value, root))
