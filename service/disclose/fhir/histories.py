"""The routes of histories: of a resource, of a type, of the system.

https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, Response, g

from service.disclose.cursors import Cursors
from service.disclose.negotiate import FHIR, language_of, search_parameters, with_content_language
from service.disclose.query.past import parse_past
from service.disclose.serialise import history
from service.disclosing import disclose
from service.door import limits
from service.errors import NotFound
from service.flows.pull.disclose import Disclosure
from service.flows.pull.localise import Localisation
from service.values.audit import Interaction, of_resources

HISTORY: Final = "_history"


@dataclass(frozen=True, slots=True)
class Histories:
    """What a history needs."""

    disclosure: Disclosure
    localisation: Localisation
    types: Sequence[str]
    base: str
    cursors: Cursors

    def mount(self, routes: Blueprint) -> None:
        """Add the routes to those of a door."""
        routes.add_url_rule(f"/{HISTORY}", "history-system", self.of_system)
        routes.add_url_rule(f"/<type_>/{HISTORY}", "history-type", self.of_type)
        routes.add_url_rule(f"/<type_>/<id_>/{HISTORY}", "history-instance", self.of_instance)

    def of_system(self) -> Response:
        """Answer the versions of all types."""
        return self._answer("history-system", HISTORY, tuple(self.types))

    def of_type(self, type_: str) -> Response:
        """Answer the versions of a type."""
        self._check(type_)
        return self._answer("history-type", f"{type_}/{HISTORY}", (type_,))

    def of_instance(self, type_: str, id_: str) -> Response:
        """Answer the versions of a resource."""
        self._check(type_)
        return self._answer("history-instance", f"{type_}/{id_}/{HISTORY}", (type_,), id_)

    def _check(self, type_: str) -> None:
        if type_ not in self.types:
            raise NotFound("No such resource type is kept here.")

    def _answer(
        self, interaction: Interaction, path: str, types: tuple[str, ...], id_: str | None = None
    ) -> Response:
        parameters, after = self.cursors.continued(path, search_parameters())
        past = parse_past(types, id_, parameters, after, limits().count)
        language = language_of(self.localisation)
        versions = self.disclosure.history(g.scope, past)
        disclose(interaction, of_resources(versions.entries))
        page, url = self.localisation.page(g.scope.view, versions, language), f"{self.base}/{path}"
        self_url = f"{url}?{urlencode(parameters)}" if parameters else url
        body = history(page, self.base, self_url, self.cursors.link(url, path, parameters, page.next))
        return with_content_language(Response(body, mimetype=FHIR), language)
