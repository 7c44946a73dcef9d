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
    problems = {name: [issue.what for issue in validate(outcome)] for name, outcome in answers(house)}
    assert len(problems) > 70
    assert {name: wrong for name, wrong in problems.items() if wrong} == {}


def test_every_entry_of_every_answer_is_found_by_an_absolute_address(house):
    for name, resource in answers(house):
        entries = resource.get("entry", []) if resource["resourceType"] == "Bundle" else []
        urls = [entry["fullUrl"] for entry in entries if "resource" in entry]
        assert [url for url in urls if not ABSOLUTE.match(url)] == [], name
        if resource.get("type") == "message":
            assert len(set(urls)) == len(urls), name
            for literal in references(resource):
                assert literal in urls or literal.startswith("http"), (name, literal)


def test_an_acknowledgement_repeats_who_and_what_went_before_without_their_narratives(house):
    body = Mercy(house).message(medcom("m1")).json
    by_url = {entry["fullUrl"]: entry["resource"] for entry in body["entry"]}
    header = body["entry"][0]["resource"]
    assert by_url[header["sender"]["reference"]]["name"] == "casebridge"
    assert by_url[header["destination"][0]["receiver"]["reference"]]["name"] == "mercy"
    assert [resource["resourceType"] for resource in by_url.values() if "text" in resource] == []
    before, last, mine = (
        resource for resource in by_url.values() if resource["resourceType"] == "Provenance"
    )
    assert before["agent"] == [{"who": {"display": "Practitioner/nobody"}}]
    assert last["target"] == [{"reference": "https://mercy.example/fhir/MessageHeader/m1"}]
    assert by_url[last["agent"][0]["who"]["reference"]]["name"] == "mercy"
    assert mine["entity"][0]["what"] == last["target"][0]


def test_a_header_that_no_message_could_answer_is_told_by_an_outcome(house):
    sent = medcom("m1")
    sent["entry"][0]["resource"]["id"] = "not an id"
    answer = Mercy(house).message(sent)
    assert (answer.status_code, answer.json["resourceType"]) == (422, "OperationOutcome")
