"""Find the links in a document: which member of which part names which other document, or part of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from marshmallow import fields

from service.wire.contracts.documents.fields import Contract, Link
from service.wire.contracts.documents.kinds import KINDS


@dataclass(frozen=True, slots=True)
class LinkFound:
    """A link as it stands in a document: `part[key]` is the id of a `to`; `where` is its JSON pointer."""

    part: Any
    key: str | int
    to: str
    where: str

    @property
    def id(self) -> str:
        """The id it names."""
        return str(self.part[self.key])


def links(kind: str, document: dict[str, Any]) -> Iterator[LinkFound]:
    """Give every link of a document of this kind."""
    yield from _walk(KINDS[kind], document, "")


def items(document: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the items of the list at a dotted path of a document by their ids."""
    part: Any = document
    for step in path.split("."):
        part = part.get(step) or {}
    return {item["id"]: item for item in part}


def _walk(contract: type[Contract], part: dict[str, Any], where: str) -> Iterator[LinkFound]:
    for key, to, below in _plan(contract):
        value = part.get(key)
        if value is None:
            continue
        place = f"{where}/{key}"
        if to is not None:
            if isinstance(value, list):
                yield from [LinkFound(value, index, to, f"{place}/{index}") for index in range(len(value))]
            else:
                yield LinkFound(part, key, to, place)
        elif below is not None and isinstance(value, list):
            for index, item in enumerate(value):
                yield from _walk(below, item, f"{place}/{index}")
        elif below is not None:
            yield from _walk(below, value, place)


@cache
def _plan(contract: type[Contract]) -> tuple[tuple[str, str | None, type[Contract] | None], ...]:
    """Give the members of a contract that are links or may hold some."""
    plan: list[tuple[str, str | None, type[Contract] | None]] = []
    for key, declared in contract().fields.items():
        inner = declared.inner if isinstance(declared, fields.List) else declared
        if isinstance(inner, Link):
            plan.append((key, inner.to, None))
        elif isinstance(inner, fields.Nested):
            below = type(inner.schema)
            if issubclass(below, Contract) and _plan(below):
                plan.append((key, None, below))
    return tuple(plan)
