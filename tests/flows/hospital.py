"""A hospital that sends what a mapping would make of its messages: discharges as JSON."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

from service.flows.discharge.intake import Intake
from service.flows.discharge.receive import Reception
from service.values.access.scope import Partner, Scope
from service.values.inbound.inbox import Answer, InboundMessage, UnderstoodMessage
from service.values.inbound.pathways import Pathway, Proposal
from service.wire.fhir.exchange.conditions import of_headers
from service.wire.json import dump, parse

PERSON = {"system": "urn:example:clients", "value": "R-1"}
VISIT = {"system": "urn:example:visits", "value": "V-1"}
PATHWAYS = (Pathway("everybody", (Proposal("phone-check-in", "phone-check-in", 2, working=True),)),)
GENERAL = Partner("general", "hospital", identifiers=(("urn:example:hospitals", "general"),))
BRAIN = {"system": "http://hl7.org/fhir/sid/icd-10", "code": "S06.2"}
ADMITTED = {
    "event": "admit",
    "recorded": "2026-02-20T10:00:00Z",
    "happened": "2026-02-20T09:00:00+01:00",
    "patient": {
        "identifiers": [PERSON],
        "names": [{"family": "Rider", "given": ["River"]}],
        "gender": "other",
    },
    "stay": {"identifiers": [VISIT], "kind": "inpatient", "hospital": {"name": "General Hospital"}},
    "contacts": [{"role": "attending", "names": [{"family": "Doctor"}]}],
}
DISCHARGED = {
    **ADMITTED,
    "event": "discharge",
    "recorded": "2026-02-27T15:00:00Z",
    "happened": "2026-02-27T14:00:00+01:00",
    "stay": {
        **ADMITTED["stay"],
        "conditions": [{"code": BRAIN, "kind": "discharge", "rank": 1}],
        "disposition": {"text": "home"},
    },
}


def understand(partner, inbound):
    """The form `discharge`: the JSON of one discharge or of several."""
    content = parse(inbound.raw)
    alone = of_headers(inbound.if_none_exist, inbound.if_match)
    return UnderstoodMessage(
        tuple(content if isinstance(content, list) else [content]), asked=(alone,) if alone else ()
    )


def message(said, key, *, content=None, **headers):
    raw = dump(said)
    content = content or sha256(raw).hexdigest()
    return InboundMessage(raw, "application/json", "discharge", "http", (key,), content, **headers)


def render(outcome):
    body = dump(
        {"state": outcome.state, "entry": outcome.entry, "what": [issue.what for issue in outcome.issues]}
    )
    return Answer({"quarantined": 202}.get(outcome.state, 200), "application/json", body)


class Hospital:
    """The story of messages on a house, from a partner."""

    def __init__(self, house, projection, pathways, partner=GENERAL):
        ticks = count()
        start = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.partner, self.house = partner, house
        self.keys = count(1)
        clock = lambda: start + timedelta(seconds=next(ticks))  # noqa: E731
        self.reception = Reception(
            house.store, Intake(projection, pathways), clock, {"discharge": understand}
        )

    def send(self, said, key=None, partner=None, **more):
        key = key or f"M-{next(self.keys)}"
        return self.reception.receive(partner or self.partner, message(said, key, **more), render)

    def entry(self, outcome):
        return self.house.store.look(lambda unit: unit.inbox.entry(outcome.entry))


def after(said, minutes, **more):
    """The same said so many minutes later, otherwise."""
    at = datetime.fromisoformat(said["recorded"]) + timedelta(minutes=minutes)
    return {**said, "recorded": at.strftime("%Y-%m-%dT%H:%M:%SZ"), **more}


def the_case(house):
    """The one case that hospitals opened."""
    (case,) = house.documents.find(Scope(everything=True), "case", partner="local")
    return case
