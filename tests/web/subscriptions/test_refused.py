"""What cannot be done of a Subscription is refused with its place, and nothing is kept.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/components.html#accepting-subscription-requests
"""

import json

import pytest

from service.flows.subscriptions import managing
from tests.web.subscriptions.subscribing import FEED, OURS, create, extension, subscription


@pytest.fixture
def database_url(sqlite_url):
    """What is refused is the same on both."""
    return sqlite_url


def changed(**channel):
    return {"channel": {**subscription()["channel"], **channel}}


def without_nulls(sent):
    """What is sent, without what a case takes away."""
    return {
        name: without_nulls(value) if isinstance(value, dict) else value
        for name, value in sent.items()
        if value is not None
    }


def filtered(*texts, topic=f"{OURS}plan-change"):
    return {name: value for name, value in subscription(*texts, topic=topic).items() if "criteria" in name}


SAID = {"extension": [{"url": "http://example.org/said", "valueString": "nothing"}]}
"""In place of a primitive: an extension alone, as R4 lets it be."""


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"criteria": "http://example.org/topics/other"}, "Subscription.criteria"),
        ({"status": "error"}, "Subscription.status"),
        ({"end": "2020-01-01T00:00:00Z"}, "Subscription.end"),
        ({"end": "2099-13-01T00:00:00Z"}, "Subscription.end"),
        (changed(type="websocket"), "Subscription.channel.type"),
        (changed(type="email"), "Subscription.channel.type"),
        (
            changed(_type={"extension": [extension("channel-type", valueCoding={"code": "zulip"})]}),
            "Subscription.channel.type",
        ),
        (changed(endpoint="http://northern.example/hook"), "Subscription.channel.endpoint"),
        (changed(endpoint="https://user:word@northern.example/hook"), "Subscription.channel.endpoint"),
        (changed(endpoint="mailto:desk@northern.example"), "Subscription.channel.endpoint"),
        (changed(payload="application/fhir+xml"), "Subscription.channel.payload"),
        (changed(payload="application/fhir+json; fhirVersion=5.0"), "Subscription.channel.payload"),
        (changed(_payload={}), "Subscription.channel.payload"),
        (
            changed(_payload={"extension": [extension("payload-content", valueCode="all")]}),
            "Subscription.channel.payload",
        ),
        (changed(header=["Host: elsewhere.example"]), "Subscription.channel.header[0]"),
        (changed(header=["X-A: 1\r\nX-B: 2"]), "Subscription.channel.header[0]"),
        (changed(header=["X-A: 1", "x-a: 2"]), "Subscription.channel.header"),
        (changed(extension=[extension("heartbeat-period", valueUnsignedInt=1)]), "Subscription.channel"),
        (changed(extension=[extension("timeout", valueString="soon")]), "Subscription.channel"),
        ({"status": None, "_status": SAID}, "Subscription.status"),
        ({"criteria": None, "_criteria": SAID}, "Subscription.criteria"),
        (changed(type=None, _type=SAID), "Subscription.channel.type"),
        (changed(header=[None], _header=[SAID]), "Subscription.channel.header[0]"),
        (filtered("patient=Patient/1", "colour=red"), "Subscription.criteria.extension[1]"),
        (filtered("Encounter?patient=Patient/1"), "Subscription.criteria.extension[0]"),
        (filtered("patient=one/two/three"), "Subscription.criteria.extension[0]"),
        (filtered("patient:colour=1"), "Subscription.criteria.extension[0]"),
        (filtered("Slot?patient=1", topic=FEED), "Subscription.criteria.extension[0]"),
        (filtered("patient=1", topic=FEED), "Subscription.criteria.extension[0]"),
        (filtered("Encounter?trigger=noon", topic=FEED), "Subscription.criteria.extension[0]"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_what_cannot_be_done_is_refused_with_its_place(house, change, place):
    answer = create(house, without_nulls(subscription() | change))
    assert (answer.status_code, answer.json["resourceType"]) == (422, "OperationOutcome")
    assert [place] in [issue["expression"] for issue in answer.json["issue"]]
    assert all(issue["details"]["text"] for issue in answer.json["issue"])
    assert house.get("/fhir/Subscription", partner="northern").json["total"] == 0


def test_a_partner_has_no_more_subscriptions_than_it_may(house, monkeypatch):
    monkeypatch.setattr(managing, "MOST", 2)
    assert [create(house, subscription()).status_code for _ in range(3)] == [201, 201, 422]
    assert create(house, subscription(), partner="southern").status_code == 201


def test_all_that_is_wrong_is_told_at_once(house):
    wrong = subscription("colour=red") | changed(type="sms", endpoint="ftp://x", payload="text/plain")
    places = {issue["expression"][0] for issue in create(house, wrong).json["issue"]}
    assert places == {
        f"Subscription.{place}"
        for place in ("channel.type", "channel.endpoint", "channel.payload", "criteria.extension[0]")
    }


@pytest.mark.parametrize("missing", ["reason", "criteria", "channel", "status"])
def test_what_is_no_subscription_is_refused(house, missing):
    sent = {name: value for name, value in subscription().items() if name != missing}
    answer = create(house, sent)
    assert (answer.status_code, answer.json["issue"][0]["expression"]) == (422, [f"Subscription.{missing}"])
    assert create(house, {"resourceType": "Patient"}).status_code == 400
    assert create(house, []).status_code == 400
