"""What of a source a mapping depends on: nothing else that changes can change what it makes."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from service.mapping.compiler.templates import MappingTemplate, everything
from service.mapping.compiler.trace import Trace
from service.mapping.language.expression_nodes import (
    IDENTITIES,
    Comparison,
    ExpressionNode,
    Filtered,
    Lookup,
    children,
    reads,
)
from service.mapping.language.types import BOOLEAN, NUMBER, TEXT, JSONSchema, World

DEPTH: Final = 3
_SIMPLE: Final = frozenset({TEXT, NUMBER, BOOLEAN})
# a link leads to what has the id that it names
_KNOWN: Final = frozenset({"id", "uuid"})


@dataclass(frozen=True, slots=True)
class Dependence:
    """The paths that a mapping reads, of at most three steps, like `case.plan.goals`, and all above them.

    `ends` are those that are read as such, not only led through. None of both: it may read anything.
    """

    above: frozenset[str] | None = None
    ends: frozenset[str] = frozenset()

    def is_touched(self, changed: Collection[str]) -> bool:
        """Whether what is read is at, above or below one of the paths that have changed."""
        above, ends = self.above, self.ends
        return above is None or any(path in above or path.rpartition(".")[0] in ends for path in changed)


def dependence(document: MappingTemplate, traced: Trace, world: World) -> Dependence:
    """Return what a document depends on, what it reads of parts that links lead to included."""
    links = _part_links(world, document.source)
    terms = list(_terms(document))
    if links is None or any(isinstance(term, Filtered) and term.name == "fhirpath" for term in terms):
        return Dependence()
    wholes = traced.wholes.union(*(_wholes(term) for term in terms))
    plain = set().union(*traced.values.values(), *traced.tests.values())
    paths = _followed(plain, wholes, links)
    if any(path.partition(".")[0] not in document.roots for path in paths) or wholes & document.roots.keys():
        return Dependence()
    ends = {".".join(path.split(".")[:DEPTH]) for path in paths if "." in path}
    above = {".".join(path.split(".")[:count]) for path in ends for count in range(1, DEPTH + 1)}
    return Dependence(frozenset(above), frozenset(ends))


def _terms(document: MappingTemplate) -> Iterator[ExpressionNode]:
    """Every term of a document, what its names stand for looked through."""
    waiting, seen = list(everything(document)), set[int]()
    while waiting:
        term = waiting.pop()
        if id(term) in seen:
            continue
        seen.add(id(term))
        yield term
        waiting += children(term)
        if isinstance(term, Lookup) and term.base.value is not None:
            waiting.append(term.base.value)


def _wholes(term: ExpressionNode) -> set[str]:
    """The paths of objects and lists into which a filter or a comparison may look."""
    match term:
        case Filtered(name=name, subject=subject) if name not in IDENTITIES:
            subjects = [subject]
        case Comparison(left=left, right=right):
            subjects = [left, right]
        case _:
            return set()
    return set().union(*(reads(subject) for subject in subjects if subject.shape.kind not in _SIMPLE))


def _followed(plain: set[str], wholes: set[str], links: dict[str, str]) -> set[str]:
    """Return paths with those of the parts that are read through links to them."""
    waiting = [*((path, False) for path in plain), *((path, True) for path in wholes)]
    followed = set[tuple[str, bool]]()
    while waiting:
        path, is_whole = waiting.pop()
        if (path, is_whole) in followed:
            continue
        followed.add((path, is_whole))
        for place, target in links.items():
            if path.startswith(f"{place}."):
                rest = path.removeprefix(f"{place}.")
                waiting += [(f"{target}.{rest}", is_whole)] if rest not in _KNOWN else []
            elif is_whole and (path == place or place.startswith(f"{path}.")):
                waiting.append((target, True))
    return {path for path, _ in followed}


def _part_links(world: World, source: str) -> dict[str, str] | None:
    """Return where links to parts of the source stand, and to which; None when a schema does not show all."""
    links: dict[str, str] = {}
    for name, schema in world.sources[source].items():
        for place, target in _links(schema, name):
            if target is None:
                return None
            links[place] = target
    return links


def _links(schema: JSONSchema, place: str) -> Iterator[tuple[str, str | None]]:
    link = schema.get("x-link")
    if link is not None:
        yield from [(place, str(link))] if "." in link else []
        return
    if "$ref" in schema:
        yield place, None
    properties: dict[str, Any] = schema.get("properties", {})
    for name, member in properties.items():
        yield from _links(member, f"{place}.{name}")
    more = [schema.get("items"), schema.get("additionalProperties")]
    more += [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, ())]
    for inner in more:
        if isinstance(inner, dict):
            yield from _links(inner, place)
