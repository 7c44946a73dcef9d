"""Entries of types that nothing is kept of: told and accepted, or refused, as the partner's entry says."""

import pytest

from tests.web.sent import Mercy, entry, message, outcomes, transaction

OBSERVED = {"resourceType": "Observation", "id": "b1", "status": "final", "code": {"text": "x"}}
GIVEN = {"resourceType": "Immunization", "id": "b2", "status": "completed"}
SENT = {
    "message": ("/fhir/$process-message", message),
    "transaction": ("/fhir", transaction),
    "batch": ("/fhir", lambda: transaction("batch")),
}


def holding(kind):
    """A Bundle that ends with two entries of which nothing is kept, and where these stand in it."""
    path, make = SENT[kind]
    sent = make()
    first = len(sent["entry"])
    asked = {} if kind == "message" else {"method": "POST"}
    for resource in (OBSERVED, GIVEN):
        url = {"url": resource["resourceType"]} if asked else {}
        sent["entry"].append(entry(resource, **asked, **url))
    return path, sent, first


@pytest.mark.parametrize("kind", SENT)
def test_they_are_told_and_left_out_where_nothing_else_is_said(house, kind):
    mercy = Mercy(house)
    path, sent, first = holding(kind)
    answer = mercy.send(path, sent)
    assert answer.status_code == 200, answer.data
    if kind == "message":
        places = {outcome[2] for outcome in outcomes(answer) if "ot retained" in outcome[3]}
        assert places == {f"Bundle.entry[{number}].resource" for number in (first, first + 1)}
    else:
        each_told = [
            entry["response"]["outcome"]["issue"][0]["details"]["text"] for entry in answer.json["entry"]
        ]
        assert ["Not retained" in text for text in each_told] == [False, False, False, True, True]
    assert len(mercy.cases()) == 1


@pytest.mark.parametrize("kind", ["message", "transaction"])
def test_the_whole_is_refused_with_each_of_them_where_the_entry_says_so(house, kind):
    hillside = Mercy(house, "hillside")
    path, sent, first = holding(kind)
    answer = hillside.send(path, sent)
    assert answer.status_code == 422
    assert [outcome[:3] for outcome in outcomes(answer)] == [
        ("error", "not-supported", f"Bundle.entry[{number}].resource") for number in (first, first + 1)
    ]
    assert house.get("/api/quarantine", partner=None).json["items"] == []
    del sent["entry"][first:]
    assert hillside.send(path, sent).status_code == 202, "nobody there is known"


def test_a_batch_refuses_each_of_them_for_itself(house):
    hillside = Mercy(house, "hillside")
    path, sent, first = holding("batch")
    answer = hillside.send(path, sent)
    assert answer.status_code == 200
    statuses = [entry["response"]["status"][:3] for entry in answer.json["entry"]]
    assert statuses == ["202", "200", "200", "422", "422"]
    refused = answer.json["entry"][first]["response"]["outcome"]["issue"][0]
    assert (refused["code"], refused["expression"]) == ("not-supported", [f"Bundle.entry[{first}].resource"])
