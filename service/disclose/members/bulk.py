"""The door to matches of many members: kick-off, status, cancel, and files of Groups.

https://hl7.org/fhir/us/davinci-pdex/OperationDefinition-BulkMemberMatch.html
"""

from dataclasses import dataclass

from flask import Blueprint, Response, g, request
from werkzeug.http import http_date

from service.disclose.export.kickoff import NDJSON, check_prefer
from service.disclose.matched import MatchedGroups, told_of
from service.disclose.members import openapi
from service.disclose.members.routes import check_searches, parameters_body
from service.disclose.negotiate import compress, refuse_parameters, speak_json
from service.disclosing import disclose
from service.door import Door, limits
from service.errors import NotFound
from service.flows.members.bulk import BulkMatching
from service.values.jobs.matches import OUTCOMES, MatchedMember, MemberMatch, Operation
from service.wire.fhir.exchange.member_match import members_of
from service.wire.json import dump

AGAIN = "1"
"""After so many seconds it is worth asking again: each question brings a match further."""


def door(bulk: BulkMatching, groups: MatchedGroups, address: str, *, by_token: bool) -> Door:
    """Return the door; FHIR stands below our `address`, and `by_token` says how one gets in."""
    routes = Blueprint("matches", __name__, url_prefix="/fhir")
    routes.after_request(compress)
    answers = _Answers(bulk, groups, address, by_token)
    routes.add_url_rule("/Group/$bulk-member-match", "bulk", answers.begin_bulk, methods=["POST"])
    routes.add_url_rule("/Group/$provider-member-match", "provider", answers.begin_provider, methods=["POST"])
    routes.add_url_rule("/Group/$member-matches/<id_>", "status", answers.status)
    routes.add_url_rule("/Group/$member-matches/<id_>", "cancel", answers.cancel, methods=["DELETE"])
    routes.add_url_rule("/Group/$member-matches/<id_>/<int:number>", "file", answers.file)
    return Door(routes, "resources", openapi.of_many())


@dataclass(frozen=True, slots=True)
class _Answers:
    bulk: BulkMatching
    groups: MatchedGroups
    address: str
    by_token: bool

    @property
    def base(self) -> str:
        return f"{self.address}/fhir/Group/$member-matches"

    def begin_bulk(self) -> Response:
        return self._begin("bulk-member-match")

    def begin_provider(self) -> Response:
        return self._begin("provider-member-match")

    def _begin(self, operation: Operation) -> Response:
        speak_json()
        check_searches("Patient", "Coverage")
        check_prefer()
        sent = members_of(parameters_body(), limits().entries)
        match = self.bulk.begin(g.partner, operation, f"{self.address}{request.path}", sent)
        return Response(status=202, headers={"Content-Location": f"{self.base}/{match.id}"})

    def status(self, id_: str) -> Response:
        speak_json()
        refuse_parameters()
        check_searches("Patient", "Coverage")
        found = self.bulk.find(g.partner, id_)
        match = self.bulk.advance(found, g.scope, self.groups.asker())
        headers = {"Expires": http_date(self.bulk.expires(match))}
        if match.left:
            disclose("operation", (), request.path)
            headers |= {"X-Progress": f"{match.total - match.left} of {match.total}", "Retry-After": AGAIN}
            return Response(status=202, headers=headers)
        members = self.groups.members(match)
        # which Groups somebody is in tells of each of a few what became of them
        disclose("operation", told_of(members), request.path)
        return Response(self._manifest(match, members), headers=headers, mimetype="application/json")

    def cancel(self, id_: str) -> Response:
        self.bulk.cancel(self.bulk.find(g.partner, id_))
        return Response(status=202)

    def file(self, id_: str, number: int) -> Response:
        # a client of bulk data may take NDJSON alone
        refuse_parameters()
        match = self.bulk.find(g.partner, id_)
        if match.left or not 0 < number <= len(OUTCOMES):
            raise NotFound("There is no such file; the manifest lists them.")
        outcome = OUTCOMES[number - 1]
        group, told = self.groups.group(match, outcome, self.groups.members(match))
        disclose("operation", told)
        return Response(dump(group) + b"\n", mimetype=NDJSON)

    def _manifest(self, match: MemberMatch, members: list[MatchedMember]) -> bytes:
        """Return the manifest: the Group of who matched, and those that somebody is in."""
        outcomes = {each.outcome for each in members} | {"match"}
        output = [
            {"type": "Group", "url": f"{self.base}/{match.id}/{number}", "count": 1}
            for number, outcome in enumerate(OUTCOMES, 1)
            if outcome in outcomes
        ]
        return dump(
            {
                "transactionTime": match.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "request": match.request,
                "requiresAccessToken": self.by_token,
                "output": output,
                "deleted": [],
                "error": [],
            }
        )
