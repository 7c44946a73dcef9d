"""Where an element of a live resource comes from: which field of a document, by which line of a mapping."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from service.errors import NotFound, Rejected
from service.flows.ports import Store
from service.flows.projection.source import Source
from service.mapping.catalogue import Catalogue
from service.mapping.compiler.explain import Origin, nearest_origin, value_at
from service.mapping.files.findings import nearest
from service.mapping.terminology.concepts import Terminology
from service.values.access.scope import Scope
from service.values.kept.documents import Document
from service.wire.yaml import Mark

_INDEX: Final = re.compile(r"\[\d+\]")
_PATH: Final = re.compile(r"([A-Z][A-Za-z]+)(?:\.(.+))?")


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its path in the resource, its value, its origin, and the values of its sources.

    `codes` are where its codes stand in code systems and concept maps.
    """

    path: str
    value: Any
    origin: Origin
    sources: dict[str, Any]
    codes: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A live resource: its version, the document and revision it tells of, and the elements asked for.

    `current` is false when other mappings than these made the version that is stored, and it is not known yet
    whether these make it otherwise.
    """

    reference: str
    version: int
    last_updated: datetime
    document: Document
    revision: int
    current: bool
    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Explanations:
    """The story of explanations; the mappings run again over what is stored now.

    `projected` names the mappings and labels that documents are projected with.
    """

    store: Store
    catalogues: Mapping[str, Catalogue]
    projected: str

    def explain(self, scope: Scope, path: str, id_: str) -> Explanation:
        """Explain the elements at a path like `CarePlan.activity[2].reference`; without indexes, all of them.

        Raises:
            Rejected: that is no path, or there is no such view.
            NotFound: there is no such resource or element, or the mappings no longer make it.
        """
        match = _PATH.fullmatch(path)
        if match is None:
            raise Rejected("Write a path from the type on, e.g. CarePlan.title.")
        if scope.view not in self.catalogues:
            known = ", ".join(self.catalogues)
            raise Rejected(f"There is no view {scope.view}; known are {known}.")
        type_, below = match[1], match[2] or ""
        stored, owner = self.store.resource(scope, type_, id_), self.store.owner(scope, type_, id_)
        if stored is None or owner is None:
            raise NotFound("There is no such resource.", where=f"{type_}/{id_}")
        document, mappings = owner
        catalogue = self.catalogues[scope.view]
        roots = self.store.look(lambda unit: Source(unit.documents).roots(document))
        for _, made, origins in catalogue.explain(document.kind, roots):
            if (made.resource["resourceType"], made.resource["id"]) == (type_, id_):
                elements = tuple(_elements(below, made.resource, origins, roots, catalogue.terminology))
                break
        else:
            raise NotFound("The mappings make it no more: it was withdrawn.", where=f"{type_}/{id_}")
        if not elements:
            has = sorted({_INDEX.sub("", name) for name in origins})
            close = nearest(_INDEX.sub("", below), has)
            meant = f" Did you mean {type_}.{close}?" if close else ""
            raise NotFound(f"The resource has no such element.{meant}", where=path)
        return Explanation(
            f"{type_}/{id_}",
            stored.version,
            stored.last_updated,
            document,
            self._revision(scope, document, stored.last_updated),
            mappings == catalogue.version or document.projected == self.projected,
            elements,
        )

    def _revision(self, scope: Scope, document: Document, at: datetime) -> int:
        """Return the number of the revision that stood when a version was made."""
        stood = (
            revision for revision in self.store.revisions(scope, document.uuid) if revision.recorded <= at
        )
        return next((revision.revision for revision in stood), document.revision)


def _elements(
    below: str, resource: Any, origins: Mapping[str, Origin], roots: Mapping[str, Any], words: Terminology
) -> Iterator[Element]:
    """Give the elements at a path and below it; of a path inside a value, the value it is part of."""
    exact = [path for path in origins if _at_or_below(path, below)]
    loose = [path for path in origins if _at_or_below(_INDEX.sub("", path), below)]
    for path in exact or loose:
        yield _element(path, resource, origins[path], roots, words)
    within = nearest_origin(below, origins)
    if not exact and not loose and within is not None and value_at(below, resource) is not None:
        yield _element(below, resource, within[1], roots, words)


def _element(
    path: str, resource: Any, origin: Origin, roots: Mapping[str, Any], words: Terminology
) -> Element:
    sources = {source: _value_for_display(value_at(source, roots)) for source in origin.sources}
    codes = tuple(dict.fromkeys(_codes(origin, roots, words)))
    return Element(path, value_at(path, resource), origin, sources, codes)


def _codes(origin: Origin, roots: Mapping[str, Any], words: Terminology) -> Iterator[Mark]:
    for code_source in origin.coded:
        value = value_at(code_source.source, roots) if code_source.source else code_source.code
        for code in value if isinstance(value, list) else [value]:
            if isinstance(code, str):
                yield from words.marks(code_source.filter_name, code_source.table, code)


def _value_for_display(value: Any) -> Any:
    """A value as it can be shown: of a whole document its id."""
    return {"uuid": value["uuid"]} if isinstance(value, dict) and "uuid" in value else value


def _at_or_below(path: str, asked: str) -> bool:
    return not asked or path == asked or path.startswith((f"{asked}.", f"{asked}["))
