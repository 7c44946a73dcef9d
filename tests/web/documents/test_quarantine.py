"""The quarantine by HTTP: a hospital sees its own, an operator mends and uses what is in it."""

import pytest

from service.access import registry
from service.store.store import SqlStore
from service.values.inbound.inbox import Answer, InboundMessage
from service.wire.json import dump
from service.wiring import rooms

ENCOUNTER = {
    "resourceType": "Encounter",
    "identifier": [{"system": "urn:example:visits", "value": "V-1"}],
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    "period": {"start": "2026-02-20", "end": "2026-02-27"},
}
PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"system": "urn:example:clients", "value": "R-1"}],
    "name": [{"family": "Bend", "given": ["River"]}],
}


@pytest.fixture
def sent(settings, engine, mappings):
    """An entry of the hospital mercy that says nothing of a patient."""
    store = SqlStore(engine)
    reception = rooms.receiving(settings, store, rooms.projecting(settings, mappings))
    mercy = registry.load(settings.partners)["mercy"]
    inbound = InboundMessage(dump(ENCOUNTER), "application/fhir+json", "fhir", "http", ("K-1",), "c" * 64)
    outcome = reception.receive(mercy, inbound, lambda _: Answer(202, "text/plain", b"kept"))
    assert outcome.state == "quarantined"
    return outcome.entry


@pytest.mark.parametrize("partner", [None, "mercy"])
def test_an_entry_is_seen_by_the_operator_and_by_its_sender(house, sent, partner):
    (listed,) = house.get("/api/quarantine", partner=partner).json["items"]
    assert listed == house.get(f"/api/quarantine/{sent}", partner=partner).json
    assert (listed["id"], listed["partner"], listed["reason"]) == (sent, "mercy", "no-patient")
    assert "V-1" not in str(listed)
    body = house.get(f"/api/quarantine/{sent}/body", partner=partner)
    assert (body.data, body.mimetype) == (dump(ENCOUNTER), "application/octet-stream")


def test_others_do_not_see_it(house, sent):
    assert house.get("/api/quarantine", partner="cms").status_code == 403
    assert house.get("/api/quarantine?partner=mercy", partner="lakeside").json["items"] == []
    assert house.get(f"/api/quarantine/{sent}", partner="lakeside").status_code == 404
    assert house.get(f"/api/quarantine/{sent}/body", partner="lakeside").status_code == 404


def test_a_hospital_changes_nothing_of_it(house, sent):
    for method, word in (("PUT", "body"), ("POST", "replay"), ("POST", "discard"), ("POST", "stop")):
        path = f"/api/quarantine/{sent}/{word}"
        assert house.ask(method, path, partner="mercy").status_code == 403


def test_an_operator_mends_it_and_uses_it(house, sent):
    path = f"/api/quarantine/{sent}"
    assert house.ask("POST", f"{path}/replay", partner=None).json["state"] == "quarantined"
    mended = dump({**ENCOUNTER, "contained": [PATIENT], "subject": {"reference": "#p"}})
    assert house.ask("PUT", f"{path}/body", partner=None, data=mended).json["edited"]
    assert house.get(f"{path}/body?edited", partner=None).data == mended
    outcome = house.ask("POST", f"{path}/replay", partner=None).json
    assert outcome["state"] == "accepted"
    assert house.get(f"/api/quarantine/{outcome['entry']}", partner=None).json["replay_of"] == sent
    assert house.get(path, partner=None).json["state"] == "replayed"
    assert house.one("EpisodeOfCare", partner=None)["status"] == "planned"
    assert house.ask("POST", f"{path}/replay", partner=None).status_code == 409


def test_an_operator_stops_and_discards_it(house, sent):
    path = f"/api/quarantine/{sent}"
    assert "due" not in house.ask("POST", f"{path}/stop", partner=None).json
    assert house.ask("POST", f"{path}/discard", partner=None).json["state"] == "discarded"
    assert house.get("/api/quarantine", partner=None).json["items"] == []
    assert len(house.get("/api/quarantine?state=all", partner=None).json["items"]) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [("?state=bogus", 422), ("?_count=x", 400), ("/none", 404), ("/none/body", 404)],
)
def test_what_is_asked_wrongly_is_told(house, path, status):
    assert house.get(f"/api/quarantine{path}", partner=None).status_code == status


def test_an_operator_deletes_what_is_old_bytes_and_entries_apart(house, sent):
    """What is in quarantine stays, until its own time is over."""
    path = "/api/quarantine/prune"
    assert house.ask("POST", path, partner="mercy").status_code == 403
    assert house.ask("POST", f"{path}?bodies=9&entries=1", partner=None).status_code == 400
    assert house.ask("POST", f"{path}?bodies=soon", partner=None).status_code == 400
    nothing = {"bodies": 0, "entries": 0, "quarantined": 0, "left": 0}
    assert house.ask("POST", f"{path}?bodies=0&entries=0", partner=None).json == nothing
    assert house.ask("POST", f"/api/quarantine/{sent}/discard", partner=None).status_code == 200
    assert house.ask("POST", path, partner=None).json == nothing
    assert house.ask("POST", f"{path}?bodies=0", partner=None).json == {**nothing, "bodies": 1}
    assert house.get(f"/api/quarantine/{sent}/body", partner=None).data == b""
    assert house.ask("POST", f"{path}?bodies=0&entries=0", partner=None).json == {**nothing, "entries": 1}
    assert house.get(f"/api/quarantine/{sent}", partner=None).status_code == 404


def test_what_waits_for_too_long_is_discarded_without_its_bytes(house, sent):
    path = "/api/quarantine/prune?quarantined=0"
    assert house.ask("POST", path, partner=None).json == {
        "bodies": 0,
        "entries": 0,
        "quarantined": 1,
        "left": 0,
    }
    body = house.get(f"/api/quarantine/{sent}", partner="mercy").json
    assert (body["state"], body["reason"], "due" in body) == ("discarded", "expired", False)
    assert house.get(f"/api/quarantine/{sent}/body", partner=None).data == b""
    assert house.ask("POST", f"/api/quarantine/{sent}/replay", partner=None).status_code == 409


BROKEN = (
    b"[]",
    b"1",
    b"{}",
    b"no JSON",
    b"{" * 200,
    b'{"resourceType": []}',
    b'{"resourceType": "Bundle", "type": "message", "entry": {}}',
    b'{"resourceType": "Bundle", "type": "message", "entry": [1, null, []]}',
    b'{"resourceType": "Bundle", "type": "message", "entry": [{"resource": 1}, {"resource": {}}]}',
    b'{"resourceType": "Bundle", "type": "transaction", "entry": [{"request": 1}]}',
    b'{"resourceType": "Parameters", "parameter": 1}',
    b'{"resourceType": "Encounter", "identifier": [' + b"{}," * 5_000 + b"{}]}",
)


def test_what_an_operator_puts_in_its_place_is_checked_as_what_comes(house, sent):
    path = f"/api/quarantine/{sent}"
    for raw in BROKEN:
        assert house.ask("PUT", f"{path}/body", partner=None, data=raw).status_code == 200
        replayed = house.ask("POST", f"{path}/replay", partner=None)
        assert (replayed.status_code, replayed.json["state"]) == (200, "quarantined"), raw
        assert 0 < len(house.get(path, partner=None).json["issues"]) <= 100
