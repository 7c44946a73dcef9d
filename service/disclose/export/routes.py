"""The door to bulk exports: kick-off, status, cancel, and the parts.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask import Blueprint, Response, g
from werkzeug.http import http_date

from service.disclose.export import openapi
from service.disclose.export.groups import clients_of
from service.disclose.export.kickoff import EXPORT_TYPE, NDJSON, Kinds, Reading, asked
from service.disclose.export.manifest import ERRORS, bundles, manifest, outcome, progress
from service.disclose.matched import MatchedGroups
from service.disclose.negotiate import compress, refuse_parameters, speak_json
from service.disclosing import disclose
from service.door import Door
from service.errors import Unscoped
from service.flows.export.elements import elements_of, narrowed
from service.flows.export.exports import Exports
from service.values.audit import Disclosed
from service.values.jobs.exports import Export

LETTERS: Final = "rs"
AGAIN: Final = "1"
"""After so many seconds it is worth asking again: each question brings an export further."""
_BEGIN: Final = ["GET", "POST"]


def door(
    exports: Exports, matched: MatchedGroups, types: Sequence[str], address: str, *, by_token: bool
) -> Door:
    """Return the door; FHIR stands below our `address`, and `types` are those that are kept."""
    routes = Blueprint("export", __name__, url_prefix="/fhir")
    routes.after_request(compress)
    answers = _Answers(exports, matched, types, address, by_token)
    routes.add_url_rule("/$export", "system", answers.begin, methods=_BEGIN)
    routes.add_url_rule("/Patient/$export", "patients", answers.begin, methods=_BEGIN)
    routes.add_url_rule("/Group/<id_>/$export", "group", answers.begin_group, methods=_BEGIN)
    davinci = "/Group/<id_>/$davinci-data-export"
    routes.add_url_rule(davinci, "group-davinci", answers.begin_davinci, methods=_BEGIN)
    routes.add_url_rule("/$export/<id_>", "status", answers.status)
    routes.add_url_rule("/$export/<id_>", "cancel", answers.cancel, methods=["DELETE"])
    routes.add_url_rule("/$export/<id_>/<int:number>", "part", answers.part)
    return Door(routes, "resources", openapi.operations())


@dataclass(frozen=True, slots=True)
class _Answers:
    exports: Exports
    matched: MatchedGroups
    types: Sequence[str]
    address: str
    by_token: bool

    @property
    def base(self) -> str:
        return f"{self.address}/fhir/$export"

    def begin(self) -> Response:
        return self._begin(None)

    def begin_group(self, id_: str) -> Response:
        return self._begin(clients_of(self.matched, self.address, id_))

    def begin_davinci(self, id_: str) -> Response:
        return self._begin(clients_of(self.matched, self.address, id_), EXPORT_TYPE)

    def _begin(self, of: frozenset[str] | None, *also: str) -> Response:
        """Begin an export of some clients, or of all that who asks sees."""
        speak_json()

        def clients(patients: Sequence[str]) -> dict[str, str]:
            found = self.exports.clients(g.along, patients)
            return {id_: client for id_, client in found.items() if of is None or client in of}

        wanted = asked(Reading(self.address, Kinds(self.types, _may_see), clients, also))
        if of is not None and wanted.clients is None:
            wanted = replace(wanted, clients=tuple(sorted(of)))
        export = self.exports.begin(g.partner, g.along, wanted)
        return Response(status=202, headers={"Content-Location": f"{self.base}/{export.id}"})

    def status(self, id_: str) -> Response:
        speak_json()
        refuse_parameters()
        export = self.exports.plan(self._covered(id_), g.along)
        headers = {"Expires": http_date(self.exports.expires(export))}
        if not export.finished:
            headers |= {"X-Progress": progress(export), "Retry-After": AGAIN}
            return Response(status=202, headers=headers)
        body = manifest(export, self.exports.parts(export), self.base, by_token=self.by_token)
        return Response(body, headers=headers, mimetype="application/json")

    def cancel(self, id_: str) -> Response:
        self.exports.cancel(self.exports.find(g.partner, id_))
        return Response(status=202)

    def part(self, id_: str, number: int) -> Response:
        refuse_parameters()
        export = self._covered(id_)
        if number == ERRORS and export.asked.ignored:
            disclose("operation")
            return Response(outcome(export), mimetype=NDJSON)
        return Response(self._lines(export, number), mimetype=NDJSON)

    def _covered(self, id_: str) -> Export:
        """Return an export of who asks, with a token that covers all that is exported."""
        export = self.exports.find(g.partner, id_)
        for type_ in export.asked.types:
            if not _may_see(type_):
                scope = f"system/{type_}.{LETTERS}"
                raise Unscoped(f"The export has what {scope} covers; ask with a token of that scope.", scope)
        return export

    def _lines(self, export: Export, number: int) -> bytes:
        """Return the lines of a part, and say whom they tell of."""
        part = self.exports.part(export, number)
        if part.kind == "deleted":
            gone = self.exports.deletions(export, part, g.along)
            disclose("operation", [Disclosed(each.client, f"{each.type}/{each.id}") for each in gone])
            return bundles(gone)
        if part.kind == "patients":
            lines = self.exports.lines_by_patient(export, part, g.along)
            disclose("operation", lines.things)
            return lines.body
        lines = self.exports.lines(export, part, g.along)
        disclose("operation", lines.things)
        elements = elements_of(part.type, export.asked.elements)
        return narrowed(lines.body, elements) if elements else lines.body


def _may_see(type_: str) -> bool:
    return all(g.grant.allows(type_, letter) for letter in LETTERS)
