"""The routes of searches: of a type, of a patient's compartment, of the system.

https://hl7.org/fhir/R4/http.html#search
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import Blueprint, Response
from flask.globals import app_ctx

from service.disclose.cursors import Cursors
from service.disclose.negotiate import FHIR, is_lenient, language_of, search_parameters, with_content_language
from service.disclose.query.parse import Ground, Search, parse_query
from service.disclose.serialise import searchset
from service.disclosing import disclose
from service.door import limits
from service.errors import Issue, Malformed, NotFound, Unscoped
from service.flows.pull.disclose import Disclosure
from service.flows.pull.localise import Localisation
from service.values.audit import of_resources
from service.values.kept.resources import Page, StoredResource
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.search.forms.codes import Codes
from service.wire.fhir.search.shape import Shape, shape_of
from service.wire.json import dump, parse
from service.wire.outcomes import outcome

PATIENT = "Patient"


@dataclass(frozen=True, slots=True)
class Searches:
    """What a search needs; `codes` are those of each view."""

    disclosure: Disclosure
    localisation: Localisation
    types: Sequence[str]
    base: str
    cursors: Cursors
    codes: Mapping[str, Codes]

    def mount(self, routes: Blueprint) -> None:
        """Add the routes to those of a door."""
        routes.add_url_rule("", "search-system", self.of_system)
        routes.add_url_rule("/_search", "post-search-system", self.of_system, methods=["POST"])
        routes.add_url_rule("/<type_>", "search", self.of_type)
        routes.add_url_rule("/<type_>/_search", "post-search", self.of_type, methods=["POST"])
        routes.add_url_rule("/<compartment>/<id_>/<type_>", "search-compartment", self.of_compartment)

    def of_type(self, type_: str) -> Response:
        """Search a type."""
        self._check(type_)
        return self._search(self.ground((type_,)), type_, search_parameters())

    def of_compartment(self, compartment: str, id_: str, type_: str) -> Response:
        """Search a type in the compartment of a patient."""
        if compartment != PATIENT:
            raise NotFound("Only what is of a Patient is searched so.")
        self._check(type_)
        ground = replace(self.ground((type_,)), of=(PATIENT, id_))
        return self._search(ground, f"{PATIENT}/{id_}/{type_}", search_parameters())

    def of_system(self) -> Response:
        """Search the types that `_type` names, or all."""
        parameters = search_parameters()
        types = tuple(type_ for name, text in parameters if name == "_type" for type_ in text.split(","))
        for type_ in types:
            if type_ not in self.types:
                raise Malformed("Not a type that is kept here.", where="_type")
        ground = self.ground(tuple(dict.fromkeys(types)) or tuple(self.types))
        return self._search(ground, "", parameters)

    def ground(self, types: tuple[str, ...]) -> Ground:
        """Return on what is searched, and which types may come along or be led through."""
        known = app_ctx.g
        readable, searchable = (known.grant.allowed(self.types, letter) for letter in "rs")
        for type_ in types:
            if type_ not in searchable:
                raise Unscoped(f"This partner was not granted system/{type_}.s.", f"system/{type_}.s")
        ours = Ours(self.base, searchable, self.codes[known.scope.view])
        most = limits()
        return Ground(
            types, ours, readable, is_lenient=is_lenient(), most=most.count, most_along=most.included
        )

    def _check(self, type_: str) -> None:
        if type_ not in self.types:
            known = ", ".join(sorted(self.types))
            raise NotFound(
                f"No such resource type is searched here; these are, as /fhir/metadata says: {known}."
            )

    def _search(self, ground: Ground, path: str, parameters: list[tuple[str, str]]) -> Response:
        parameters, after = self.cursors.continued(path, parameters)
        types = [] if path else [parameter for parameter in parameters if parameter[0] == "_type"]
        asked = [parameter for parameter in parameters if parameter not in types]
        search = parse_query(ground, asked, after)
        language = language_of(self.localisation)
        known = app_ctx.g
        found = self.disclosure.search(known.scope, search.query)
        found = self.disclosure.beside(known.along, found, search.along)
        written = urlencode(parameters)
        disclose("search-type", of_resources((*found.entries, *found.included)), f"{path}?{written}")
        page = _shaped(self.localisation.page(known.scope.view, found, language), search)
        url = f"{self.base}/{path}".rstrip("/")
        heeded = [*types, *search.heeded]
        next_url = self.cursors.link(url, path, heeded, page.next)
        query = written if heeded == parameters else urlencode(heeded)
        self_url = f"{url}?{query}" if heeded else url
        told = [*(issue for left in search.left_out for issue in left.issues), *_left_along(found, search)]
        body = searchset(page, self.base, self_url, next_url, outcome(told, "warning") if told else None)
        return with_content_language(Response(body, mimetype=FHIR), language)


def _left_along(page: Page, search: Search) -> Iterator[Issue]:
    """Give what to say where more belongs to a page than comes with it."""
    if page.is_full:
        what = (
            f"More comes with this page than the {search.along.most} resources that do here: some of what "
            "refers to its matches, or of what they refer to, is left out. Ask for less on a page by _count, "
            "or search for it by itself."
        )
        yield Issue(what, "_include" if search.along.includes else "_revinclude", "too-costly")


def _shaped(page: Page, search: Search) -> Page:
    """Return a page with as much of each entry as is asked for."""
    shape = shape_of(search.summary, search.elements)
    if shape is None:
        return page
    entries, included = (
        tuple(_part(entry, shape) for entry in resources) for resources in (page.entries, page.included)
    )
    return replace(page, entries=entries, included=included)


def _part(entry: StoredResource, shape: Shape) -> StoredResource:
    return replace(entry, body=dump(shape(parse(entry.body))))
