"""Whatever the service answers in FHIR is valid R4, and what it refers to within a Bundle is there."""

import re

from service.wire.fhir.check.validate import validate
from tests.web.doors.answers import answers, medcom
from tests.web.sent import Mercy

ABSOLUTE = re.compile(r"(https?://|urn:uuid:)\S+\Z")


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for below in node.values():
            yield from references(below)
    elif isinstance(node, list):
        for below in node:
            yield from references(below)


def test_every_kind_of_answer_is_valid(house):
    found = {name: [each.what for each in validate(told)] for name, told in answers(house)}
    assert len(found) > 70
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_every_entry_of_every_answer_is_found_by_an_absolute_address(house):
    for name, told in answers(house):
        entries = told.get("entry", []) if told["resourceType"] == "Bundle" else []
        urls = [each["fullUrl"] for each in entries if "resource" in each]
        assert [url for url in urls if not ABSOLUTE.match(url)] == [], name
        if told.get("type") == "message":
            assert len(set(urls)) == len(urls), name
            for literal in references(told):
                assert literal in urls or literal.startswith("http"), (name, literal)


def test_an_acknowledgement_repeats_who_and_what_went_before_without_their_narratives(house):
    told = Mercy(house).message(medcom("m1")).json
    by_url = {each["fullUrl"]: each["resource"] for each in told["entry"]}
    header = told["entry"][0]["resource"]
    assert by_url[header["sender"]["reference"]]["name"] == "casebridge"
    assert by_url[header["destination"][0]["receiver"]["reference"]]["name"] == "mercy"
    assert [each["resourceType"] for each in by_url.values() if "text" in each] == []
    before, last, mine = (each for each in by_url.values() if each["resourceType"] == "Provenance")
    assert before["agent"] == [{"who": {"display": "Practitioner/nobody"}}]
    assert last["target"] == [{"reference": "https://mercy.example/fhir/MessageHeader/m1"}]
    assert by_url[last["agent"][0]["who"]["reference"]]["name"] == "mercy"
    assert mine["entity"][0]["what"] == last["target"][0]


def test_a_header_that_no_message_could_answer_is_told_by_an_outcome(house):
    sent = medcom("m1")
    sent["entry"][0]["resource"]["id"] = "not an id"
    told = Mercy(house).message(sent)
    assert (told.status_code, told.json["resourceType"]) == (422, "OperationOutcome")
