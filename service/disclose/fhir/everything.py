"""The routes of `$everything`: of a patient, of all patients, and of an episode of care, which is a case.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, Response, g, request

from service.disclose.cursors import Cursors, Parameters
from service.disclose.negotiate import (
    FHIR,
    FORMAT,
    JSON,
    language_of,
    search_parameters,
    with_content_language,
)
from service.disclose.query.past import since_of
from service.disclose.query.results import count_of
from service.disclose.serialise import searchset
from service.disclosing import disclose
from service.door import json_body, limits
from service.errors import Malformed, Unscoped
from service.flows.pull.everything import Everything
from service.flows.pull.localise import Localisation
from service.values.audit import of_resources
from service.values.kept.resources import EverythingQuery, Page
from service.wire.fhir.definitions.operations import EVERYTHING
from service.wire.fhir.exchange.parameters import INTEGER, TEXT, from_resource
from service.wire.parameters import shown

PATIENT: Final = "Patient"
_TAKEN: Final = {"_type": TEXT, "_since": TEXT, "_count": INTEGER}


@dataclass(frozen=True, slots=True)
class Everythings:
    """What the operation needs."""

    story: Everything
    localisation: Localisation
    types: Sequence[str]
    base: str
    cursors: Cursors

    def mount(self, routes: Blueprint) -> None:
        """Add the routes to those of a door."""
        methods = ["GET", "POST"]
        for type_ in EVERYTHING:
            answer: Callable[[str], Response] = partial(self.of, type_)
            routes.add_url_rule(f"/{type_}/<id_>/$everything", f"everything-{type_}", answer, methods=methods)
        routes.add_url_rule(f"/{PATIENT}/$everything", "everything", self.of_all, methods=methods)

    def of(self, type_: str, id_: str) -> Response:
        """Answer all that is of a resource of a type."""
        readable = self._granted("r")
        whole = EverythingQuery(type_, id_, readable, readable)
        return self._answer(f"{type_}/{id_}/$everything", whole, "r", partial(self.story.page, g.scope))

    def of_all(self) -> Response:
        """Answer all that is of all patients; who may search for them and read them is told."""
        granted = self._granted("rs")
        if PATIENT not in granted:
            raise _ungranted(PATIENT, "rs")
        whole = EverythingQuery(PATIENT, "", granted, granted)
        return self._answer(f"{PATIENT}/$everything", whole, "rs", partial(self.story.page_of_all, g.along))

    def _answer(
        self, path: str, whole: EverythingQuery, letters: str, page_of: Callable[[EverythingQuery], Page]
    ) -> Response:
        given, after = self.cursors.continued(path, given_parameters(_TAKEN))
        language = language_of(self.localisation)
        found = page_of(self._query_of(whole, letters, given, after))
        disclose("operation", of_resources((*found.entries, *found.included)), f"{path}?{urlencode(given)}")
        page, url = self.localisation.page(g.scope.view, found, language), f"{self.base}/{path}"
        self_url = f"{url}?{urlencode(given)}" if given else url
        body = searchset(page, self.base, self_url, self.cursors.link(url, path, given, page.next))
        return with_content_language(Response(body, mimetype=FHIR), language)

    def _granted(self, letters: str) -> tuple[str, ...]:
        """Return the types of which all these interactions were granted."""
        return tuple(each for each in self.types if all(g.grant.allows(each, letter) for letter in letters))

    def _query_of(
        self,
        whole: EverythingQuery,
        letters: str,
        given: Parameters,
        after: tuple[str | float, ...] | None,
    ) -> EverythingQuery:
        types: list[str] = []
        since, count = None, limits().count
        for name, text in given:
            if name == "_type":
                types += text.split(",")
            elif name == "_since":
                since = since_of(text)
            elif name == "_count":
                count = min(count_of(text), count)
                if not count:
                    raise Malformed("Ask for one at least.", where=name)
            else:
                raise Malformed(f"Not taken here; known are {', '.join(_TAKEN)}.", where=shown(name))
        for each in types:
            if each not in self.types:
                raise Malformed("Not a type that is kept here.", where="_type")
            if each not in whole.readable:
                raise _ungranted(each, letters)
        return replace(whole, types=tuple(types) or whole.types, since=since, after=after, count=count)


def _ungranted(type_: str, letters: str) -> Unscoped:
    scope = f"system/{type_}.{letters}"
    return Unscoped(f"This partner was not granted {scope}.", scope)


def given_parameters(taken: Mapping[str, str]) -> Parameters:
    """Return the parameters of an operation, of the address or of a Parameters resource.

    `taken` are those that a resource may have, each with its kind. Raises Malformed.
    """
    if request.method != "POST" or request.mimetype not in JSON:
        return search_parameters()
    said = from_resource(json_body(), taken).values
    of_body = [(name, str(value)) for name, values in said.items() for value in values]
    return [pair for pair in request.args.items(multi=True) if pair[0] not in FORMAT] + of_body
