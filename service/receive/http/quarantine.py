"""The door to the quarantine: what came in and could not be used, looked at by its sender and handled by us.

A hospital sees the entries of what it sent itself; only an operator changes or uses them.
"""

from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any, Final, cast, get_args

from flask import Blueprint, Response, g, request

from service.access.smart_scopes import check_right
from service.disclosing import disclose
from service.door import Door, limits
from service.errors import Issue, Malformed, Rejected
from service.flows.discharge.quarantine import BODIES, ENTRIES, WAITING, Quarantine
from service.receive.discharge.messages import PLACES, issues_at_sender
from service.receive.http import quarantine_openapi
from service.values.audit import Disclosed
from service.values.inbound.inbox import Entry, EntryState, Outcome
from service.wire.json import dump
from service.wire.parameters import COUNT, count, number, parameters

STATES: Final = get_args(EntryState)
BATCHES: Final = 20
KEPT: Final = {"bodies": BODIES, "entries": ENTRIES, "quarantined": WAITING}


def quarantine(entries: Quarantine) -> Door:
    """Return the door to what is under /api/quarantine."""
    routes = Blueprint("quarantine", __name__, url_prefix="/api/quarantine")
    _reading(routes, entries)
    _changing(routes, entries)
    _pruning(routes, entries)
    return Door(routes, "quarantine", tuple(quarantine_openapi.operations()))


def _reading(routes: Blueprint, entries: Quarantine) -> None:
    @routes.get("")
    def find() -> Response:
        arguments = parameters(request.args.items(multi=True), ("state", "partner", "after", COUNT))
        state = arguments.get("state", "quarantined")
        if state not in {*STATES, "all"}:
            raise Rejected(f"Not a state; known are {', '.join(STATES)}, all.", where="state")
        page = entries.find(
            partner=_own() or arguments.get("partner"),
            state=None if state == "all" else cast("EntryState", state),
            after=arguments.get("after"),
            count=count(arguments, 50, min(500, limits().count)),
        )
        return _json_response({"items": [entry_as_json(entry) for entry in page]})

    @routes.get("/<entry>")
    def show(entry: str) -> Response:
        parameters(request.args.items(multi=True))
        return _json_response(entry_as_json(entries.show(entry, _own())))

    @routes.get("/<entry>/body")
    def body(entry: str) -> Response:
        """Give the bytes, as they came or as edited; never as their media type: that is the sender's word."""
        check_right(g.rights, "bodies")
        arguments = parameters(request.args.items(multi=True), ("edited",))
        shown_entry, clients = entries.show_with_clients(entry, _own())
        disclose("read", (Disclosed(client, f"inbox/{shown_entry.id}") for client in clients or (None,)))
        raw = shown_entry.edited if "edited" in arguments else shown_entry.inbound.raw
        return Response(raw or b"", mimetype="application/octet-stream")


def _changing(routes: Blueprint, entries: Quarantine) -> None:
    @routes.put("/<entry>/body")
    def edit(entry: str) -> Response:
        _operating("replay")
        return _json_response(entry_as_json(entries.edit(entry, request.get_data())))

    @routes.post("/<entry>/replay")
    def replay(entry: str) -> Response:
        _operating("replay")
        outcome = entries.replay(entry)
        replayed = replace(entries.show(entry), issues=outcome.issues)
        return _json_response(replay_as_json(replace(outcome, issues=_issues_at_sender(replayed))))

    @routes.post("/<entry>/discard")
    def discard(entry: str) -> Response:
        _operating("replay")
        return _json_response(entry_as_json(entries.discard(entry)))

    @routes.post("/<entry>/stop")
    def stop(entry: str) -> Response:
        _operating("replay")
        return _json_response(entry_as_json(entries.stop(entry)))


def _pruning(routes: Blueprint, entries: Quarantine) -> None:
    @routes.post("/prune")
    def prune() -> Response:
        """Delete what is old, a request's worth of it; `left` is what the next request finds."""
        periods = _operating("administer", *KEPT)
        bodies, whole, waiting = (
            timedelta(number(periods, name, days, digits=5)) for name, days in KEPT.items()
        )
        if whole < bodies:
            raise Malformed("Entries go with their bytes: keep them at least as long.", where="entries")
        done = dict.fromkeys(KEPT, 0)
        for what, gone in islice(entries.prune(bodies, whole, waiting), BATCHES):
            done[what] += gone
        return _json_response({**done, "left": entries.prunable(bodies, whole, waiting)})


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """Return what is told of an entry: nothing of what its bytes say."""
    members = {
        "id": entry.id,
        "partner": entry.partner,
        "arrived": entry.arrived,
        "way": entry.inbound.way,
        "media_type": entry.inbound.media_type,
        "state": entry.state,
        "reason": entry.reason or None,
        "issues": _issues(_issues_at_sender(entry)) or None,
        "flagged": entry.flagged or None,
        "edited": entry.edited is not None or None,
        "replay_of": entry.replay_of,
        "tries": entry.tries,
        "due": entry.due,
    }
    return {name: value for name, value in members.items() if value is not None}


def replay_as_json(outcome: Outcome) -> dict[str, Any]:
    """Return what became of a replay."""
    return {"state": outcome.state, "entry": outcome.entry, "issues": _issues(outcome.issues)}


def _issues(issues: Any) -> list[dict[str, str]]:
    return [{"what": issue.what, "where": issue.where, "code": issue.code} for issue in issues]


def _issues_at_sender(entry: Entry) -> tuple[Issue, ...]:
    """Return the issues of an entry with their places as its sender knows them."""
    return issues_at_sender(entry.issues, PLACES.get(entry.inbound.form, {}))


def _own() -> str | None:
    """Return the partner whose entries alone may be seen, or None for an operator."""
    return None if g.scope.everything else g.partner.name


def _operating(right: str, *names: str) -> dict[str, str]:
    """Return the parameters of what an operator asks for; raises as `parameters`, or Unscoped."""
    check_right(g.rights, right)
    return parameters(request.args.items(multi=True), names)


def _json_response(body: dict[str, Any]) -> Response:
    return Response(dump(body), mimetype="application/json")
