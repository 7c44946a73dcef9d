"""Subscriptions that others wrote are taken or refused with places; what we send has the form of theirs."""

import csv
import json
from pathlib import Path

import pytest

from service.errors import Refused
from service.values.subscriptions import Progress, Subscription
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.search.parameters import searched_types
from service.wire.fhir.subscriptions.notification import notification, status_of
from service.wire.fhir.subscriptions.reading import wanted_of
from service.wiring.rooms import now
from tests.real.real_data import FOLDER, folder
from tests.web.subscriptions.subscribing import subscription

pytestmark = pytest.mark.real
OURS = Path(__file__).parents[1] / "web/subscriptions/shalls.csv"
EXPECTED = FOLDER.parent / "expected/subscriptions-requirements.csv"


def resources(value, type_):
    """The resources of a type anywhere in a document."""
    if isinstance(value, dict):
        if value.get("resourceType") == type_:
            yield value
        for member in value.values():
            yield from resources(member, type_)
    elif isinstance(value, list):
        for item in value:
            yield from resources(item, type_)


def test_each_subscription_of_others_is_refused_with_places_for_its_topic_at_least():
    """None of them is of a topic of ours, and nothing of them is beyond reading."""
    found = [
        sent
        for name in ("subscriptions", "payer", "europe", "hl7-r4-examples")
        for path in sorted(folder(name).rglob("*.json"))
        if b'"Subscription"' in (raw := path.read_bytes())
        for sent in resources(json.loads(raw), "Subscription")
    ]
    assert len(found) >= 5
    for sent in found:
        with pytest.raises(Refused) as refused:
            wanted_of(sent, Ours("", searched_types()), lambda _: None)
        places = [issue.where for issue in refused.value.issues]
        assert all(place.startswith("Subscription") for place in places)


def test_a_subscription_of_others_is_taken_with_a_topic_of_ours():
    """What is left to refuse of the test kit's example is its channel, which is not there, and its end."""
    (path,) = folder("subscriptions").rglob("subscription_resource_example.json")
    sent = json.loads(path.read_bytes()) | {
        "criteria": subscription()["criteria"],
        "end": "2099-01-01T00:00:00Z",
    }
    sent["_criteria"]["extension"][0]["valueString"] = "CarePlan?patient=Patient/123"
    with pytest.raises(Refused) as refused:
        wanted_of(sent, Ours("", searched_types()), lambda _: None)
    assert [issue.where for issue in refused.value.issues] == ["Subscription.channel.type"]
    del sent["channel"]["_type"]
    wanted = wanted_of(sent, Ours("", searched_types()), lambda _: None)
    assert (wanted.heartbeat, wanted.most, wanted.content) == (86400, 20, "full-resource")


def test_our_handshake_has_the_form_of_the_test_kits():
    (path,) = folder("subscriptions").rglob("handshake_bundle_example.json")
    theirs = json.loads(path.read_bytes())
    kept = Subscription(
        id="123",
        partner="northern",
        version=1,
        updated=now(),
        status="requested",
        body=subscription(),
        headers=None,
        scopes="",
        purposes=(),
        progress=Progress(0, now()),
    )
    base = "https://fhirserver.org/fhir"
    status = status_of(kept, "handshake", base, "id-only")
    ours = json.loads(notification(status, kept, base, "id-only", now()))
    assert forms(ours) == forms(theirs)


def forms(value):
    """A document without what its texts say, but for names, codes and profiles."""
    if isinstance(value, dict):
        said = ("name", "valueCode", "profile", "method", "type", "resourceType")
        return {key: member if key in said else forms(member) for key, member in value.items()}
    return [*map(forms, value)] if isinstance(value, list) else type(value).__name__


def test_each_requirement_of_a_server_stands_in_our_table():
    if not EXPECTED.is_file():
        folder("expected")
    with EXPECTED.open(encoding="utf-8-sig") as file:
        shalls = {
            row["ID"]
            for row in csv.DictReader(file)
            if row["Conformance"].startswith("SHALL") and "Server" in row["Actors"]
        }
    with OURS.open(encoding="utf-8") as file:
        assert {row["requirement"].partition("@")[2] for row in csv.DictReader(file)} == shalls
