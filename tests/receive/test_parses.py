"""A message is parsed once, at the door; the story reads what the door read, and parses what it stored."""

import json
import sys
from contextlib import contextmanager

import pytest

from service.access.registry import load
from service.flows.discharge.quarantine import Quarantine
from service.flows.discharge.understand import Understanding
from service.receive.amqp.deliveries import Delivery, Discharges
from service.receive.discharge.hl7v2 import Hl7v2Reception
from service.receive.mllp.senders import over_mllp
from service.settings import Settings
from service.store.store import SqlStore
from service.values.access.scope import Partner
from service.values.inbound.inbox import InboundMessage
from service.values.inbound.senders import Sender
from service.values.limits import InputLimits
from service.wire.hl7v2.er7.parse import parse as parse_hl7v2
from service.wire.json import parse
from service.wiring import compiled, operator, rooms, serving
from tests.web.sent import ER7, FHIR, a03, encounter, message, transaction

REGISTRY = """partners:
  - name: mercy
    kind: hospital
    intake: {amqp_users: [mercy], senders: [{facility: MERCY, addresses: [10.0.0.0/8]}]}
  - name: hillside
    kind: hospital
    intake: {amqp_users: [hillside], unknown_person: quarantine}
"""
PARSERS = {parse.__code__, parse_hl7v2.__code__}
# of all JSON that is read on the way these alone are what was sent: no document or resource of ours has them
ENTRY = b"urn:uuid:00000000-0000-4000-8000-0000000000e1"
CONTAINED = b'"reference": "#p"'
MSH = b"MSH|"


@contextmanager
def parses(mark):
    """The bytes with a mark in them that were parsed, in their order."""
    parsed = []

    def called(frame, event, _):
        if event == "call" and frame.f_code in PARSERS and mark in frame.f_locals["raw"]:
            parsed.append(frame.f_locals["raw"])

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        yield parsed
    finally:
        sys.setprofile(before)


class Doors:
    """Every door that takes discharges in, wired as they are served, over one empty database."""

    def __init__(self, settings, engine, mappings):
        store = SqlStore(engine)
        self.reception = rooms.receiving(settings, store, rooms.projecting(settings, mappings))
        self.partners = load(settings.partners)
        self.client = serving.application(settings, engine, mappings).test_client()
        self.mllp = over_mllp(Hl7v2Reception(self.reception, rooms.now), self.partners.values())
        self.amqp = Discharges(
            self.reception, self.partners.values(), rooms.now, "http://x/fhir", InputLimits()
        )
        self.quarantine = Quarantine(store, self.reception, self.partners, rooms.now)

    def http(self, path, body, *, kind=FHIR, method="POST"):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {"Casebridge-Partner": "mercy"}
        answer = self.client.open(path, method=method, headers=named, data=raw, content_type=kind)
        assert answer.status_code in {200, 201}, answer.text
        return answer

    def delivered(self, raw, kind, user="mercy"):
        taken = self.amqp.take(Delivery(raw, kind, user))
        assert not taken.why, taken.answer
        return taken.answer


@pytest.fixture
def doors(tmp_path, mappings):
    (tmp_path / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    environment = {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": f"sqlite:///{tmp_path}/casebridge.db",
        "CASEBRIDGE_PARTNERS": str(tmp_path / "partners.yaml"),
    }
    settings = Settings.from_env(environment)
    operator.upgrade(settings)
    engine = rooms.database(settings)
    yield Doors(settings, engine, mappings)
    engine.dispose()


def wrapped(body):
    return {"resourceType": "Parameters", "parameter": [{"name": "content", "resource": body}]}


@pytest.mark.parametrize(
    ("path", "body", "mark"),
    [
        ("/fhir/$process-message", message(), ENTRY),
        ("/fhir/$process-message", wrapped(message()), ENTRY),
        ("/fhir", transaction(), ENTRY),
        ("/fhir", transaction("batch"), ENTRY),
        ("/fhir/Encounter", encounter(), CONTAINED),
    ],
    ids=["message", "parameters", "transaction", "batch", "encounter"],
)
def test_fhir_over_http_is_parsed_once(doors, path, body, mark):
    with parses(mark) as parsed:
        doors.http(path, body)
    assert parsed == [json.dumps(body).encode()]


def test_an_encounter_by_its_identifier_is_parsed_once(doors):
    with parses(CONTAINED) as parsed:
        doors.http("/fhir/Encounter?identifier=urn:example:visits|V-1", encounter(), method="PUT")
    assert len(parsed) == 1


@pytest.mark.parametrize("count", [1, 3])
def test_hl7_v2_over_http_is_parsed_once_a_message(doors, count):
    messages = [a03(f"M-{number}", visit=f"V-{number}") for number in range(count)]
    with parses(MSH) as parsed:
        doors.http("/hl7v2", b"".join(messages), kind=ER7)
    assert parsed == messages


def test_hl7_v2_over_mllp_is_parsed_once(doors):
    with parses(MSH) as parsed:
        handled = doors.mllp(a03(), Sender("10.1.2.3"))
    assert b"MSA|AA|" in handled.answers[0]
    assert parsed == [a03()]


@pytest.mark.parametrize(
    ("raw", "kind", "mark"),
    [
        (json.dumps(message()).encode(), FHIR, ENTRY),
        (json.dumps(transaction()).encode(), FHIR, ENTRY),
        (json.dumps(encounter()).encode(), FHIR, CONTAINED),
        (a03(), ER7, MSH),
    ],
    ids=["message", "transaction", "encounter", "hl7v2"],
)
def test_what_comes_over_amqp_is_parsed_once(doors, raw, kind, mark):
    with parses(mark) as parsed:
        doors.delivered(raw, kind)
    assert parsed == [raw]


@pytest.mark.parametrize(
    ("raw", "kind", "mark"),
    [(json.dumps(message()).encode(), FHIR, ENTRY), (a03(), ER7, MSH)],
    ids=["fhir", "hl7v2"],
)
def test_what_comes_out_of_the_inbox_is_parsed_from_its_bytes(doors, raw, kind, mark):
    doors.delivered(raw, kind, "hillside")
    (entry,) = doors.quarantine.find()
    with parses(mark) as parsed:
        outcome = doors.quarantine.replay(entry.id)
    assert outcome.reason == entry.reason == "unknown-person"
    assert parsed == [raw]


def test_what_an_operator_edited_is_parsed_in_place_of_what_came(doors):
    doors.delivered(a03(), ER7, "hillside")
    (entry,) = doors.quarantine.find()
    doors.quarantine.edit(entry.id, a03(visit="V-2"))
    with parses(MSH) as parsed:
        doors.quarantine.replay(entry.id)
    assert parsed == [a03(visit="V-2")]


@pytest.fixture(scope="module")
def understanding():
    return Understanding(compiled.inbounds(Settings.from_env({})))


@pytest.mark.parametrize("sent", [message(), transaction(), encounter()], ids=["message", "bundle", "alone"])
def test_what_a_door_read_stays_as_it_is_and_comes_to_the_same_as_its_bytes(understanding, sent):
    raw, mercy = json.dumps(sent).encode(), Partner("mercy", "hospital")
    handed = parse(raw)
    inbound = InboundMessage(raw, FHIR, "fhir", "http", (), "c", parsed=handed)
    understood = [
        understanding.fhir(mercy, message) for message in (inbound, inbound, InboundMessage(*fields(inbound)))
    ]
    assert [one.discharges for one in understood] == [understood[0].discharges] * 3
    assert understood[0].discharges
    assert [one.notes for one in understood] == [understood[0].notes] * 3
    assert handed == parse(raw)


def test_a_message_that_a_door_read_comes_to_the_same_as_its_bytes(understanding):
    mercy = Partner("mercy", "hospital")
    inbound = InboundMessage(a03(), ER7, "hl7v2", "mllp", (), "c", parsed=parse_hl7v2(a03()))
    understood = [
        understanding.hl7v2(mercy, message)
        for message in (inbound, inbound, InboundMessage(*fields(inbound)))
    ]
    assert [one.discharges for one in understood] == [understood[0].discharges] * 3
    assert understood[0].discharges
    assert [one.notes for one in understood] == [understood[0].notes] * 3


def fields(inbound):
    """What of a message is stored: all but what was read in it."""
    return inbound.raw, inbound.media_type, inbound.form, inbound.way, inbound.keys, inbound.content
