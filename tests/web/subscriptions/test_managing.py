"""Partners manage their own subscriptions, and ask how they stand.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/
"""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from service.store import tables
from service.wire.fhir.check.validate import validate
from service.wire.fhir.subscriptions.topics import TOPICS
from service.wiring import serving
from tests.web.conftest import House
from tests.web.subscriptions.subscribing import (
    BACKPORT,
    FEED,
    FHIR,
    OURS,
    SECRET,
    create,
    put,
    subscription,
    values_by_name,
)

SERVER = "http://hl7.org/fhir/uv/subscriptions-backport/CapabilityStatement/backport-subscription-server-r4"


def test_without_a_secret_no_headers_are_taken(settings, engine, mappings, tmp_path):
    house = House(
        serving.application(replace(settings, secret_file=tmp_path / "none"), engine, mappings), engine
    )
    answer = create(house, subscription(header=[f"Authorization: {SECRET}"]))
    assert (answer.status_code, "CASEBRIDGE_SECRET_FILE" in answer.json["issue"][0]["diagnostics"]) == (
        503,
        True,
    )
    assert create(house, subscription()).status_code == 201


def test_a_partner_creates_reads_finds_replaces_and_deletes_its_subscription(house):
    sent = subscription("patient=Patient/1", header=[f"Authorization: {SECRET}"])
    made = create(house, sent)
    assert (made.status_code, made.headers["ETag"]) == (201, 'W/"1"')
    kept = made.json
    path = f"/fhir/Subscription/{kept['id']}"
    assert made.headers["Location"].endswith(path)
    assert kept["status"] == "requested"
    assert {name: kept[name] for name in ("criteria", "_criteria", "reason")} == {
        name: sent[name] for name in ("criteria", "_criteria", "reason")
    }
    assert validate(kept) == []
    read = house.get(path, partner="northern")
    assert (read.json, read.headers["ETag"]) == (kept, 'W/"1"')
    found = house.get("/fhir/Subscription", partner="northern").json
    assert [entry["resource"] for entry in found["entry"]] == [kept]
    assert found["total"] == 1

    stale = put(house, kept | {"reason": "Another"}, **{"If-Match": 'W/"7"'})
    assert stale.status_code == 412
    changed = put(house, kept | {"reason": "Another"}, **{"If-Match": 'W/"1"'})
    assert (changed.status_code, changed.headers["ETag"], changed.json["reason"]) == (200, 'W/"2"', "Another")

    assert house.ask("DELETE", path, partner="northern").status_code == 204
    assert house.get(path, partner="northern").status_code == 404
    assert house.get("/fhir/Subscription", partner="northern").json["total"] == 0


def test_subscriptions_of_others_do_not_exist(house):
    kept = create(house, subscription()).json
    path = f"/fhir/Subscription/{kept['id']}"
    for partner in ("southern", "mercy", "cms", None):
        asked = [house.get(path, partner=partner), house.get(f"{path}/$status", partner=partner)]
        asked += [house.ask("DELETE", path, partner=partner), put(house, kept, partner=partner)]
        assert {answer.status_code for answer in asked} == {404}, partner
        assert house.get("/fhir/Subscription", partner=partner).json["total"] == 0
        assert house.get("/fhir/Subscription/$status", partner=partner).json["total"] == 0
    assert house.get(path, partner="northern").json == kept


def test_the_values_of_headers_are_neither_shown_nor_kept_in_plain_and_stay_when_it_is_put_back(
    house, engine
):
    kept = create(house, subscription(header=[f"Authorization: {SECRET}", "X-Hook: 1"])).json
    assert kept["channel"]["header"] == ["Authorization: ********", "X-Hook: ********"]

    def row():
        with engine.connect() as connection:
            return connection.execute(select(tables.subscription)).one()

    assert SECRET not in repr(tuple(row()))
    again = put(house, kept | {"reason": "Another"})
    assert (again.status_code, again.json["channel"]["header"]) == (200, kept["channel"]["header"])
    unknown = kept | {"channel": kept["channel"] | {"header": ["X-Other: ********"]}}
    answer = put(house, unknown)
    assert (answer.status_code, answer.json["issue"][0]["expression"]) == (
        422,
        ["Subscription.channel.header[0]"],
    )


@pytest.mark.parametrize(
    "filters",
    [
        (),
        ("Encounter",),
        ("Encounter?patient=Patient/1&trigger=feed-event", "Observation?patient=1&category=laboratory"),
        ("Patient?_id=1,2", "Condition?code=http://snomed.info/sct|1,2"),
    ],
)
def test_the_patient_data_feed_is_filtered_by_type(house, filters):
    """US Core 8: zero or more filters of zero or more parameters."""
    assert create(house, subscription(*filters, topic=FEED, content="id-only")).status_code == 201


def test_how_subscriptions_stand_is_asked_of_one_or_of_several(house):
    one, two = (create(house, subscription()).json for _ in range(2))
    off = put(house, two | {"status": "off"}).json
    single = house.get(f"/fhir/Subscription/{one['id']}/$status", partner="northern").json
    (entry,) = single["entry"]
    assert (single["type"], single["total"], entry["resource"]["resourceType"]) == (
        "searchset",
        1,
        "Parameters",
    )
    assert validate(single) == []
    said = values_by_name(entry["resource"])
    assert said["subscription"]["reference"].endswith(f"/fhir/Subscription/{one['id']}")
    assert (said["topic"], said["status"], said["type"]) == (one["criteria"], "requested", "query-status")
    assert said["events-since-subscription-start"] == "0"

    # which ones are meant is said by the address alone
    also = house.get(f"/fhir/Subscription/{one['id']}/$status?id={off['id']}&status=off", partner="northern")
    assert values_by_name(also.json["entry"][0]["resource"]) == said

    def statuses(query="", body=None):
        path, given = f"/fhir/Subscription/$status{query}", {}
        if body is not None:
            given = {"json": {"resourceType": "Parameters", "parameter": body}, "content_type": FHIR}
        answer = house.ask("GET" if body is None else "POST", path, partner="northern", **given)
        assert answer.status_code == 200
        return {values_by_name(entry["resource"])["status"] for entry in answer.json.get("entry", [])}

    assert statuses() == {"requested", "off"}
    assert statuses(f"?id={off['id']}") == {"off"}
    assert statuses(f"?id={off['id']}&id={one['id']}") == {"requested", "off"}
    assert statuses("?status=active&status=requested") == {"requested"}
    assert statuses(f"?id={off['id']}&status=requested") == set()
    assert statuses(body=[{"name": "status", "valueCode": "off"}]) == {"off"}
    assert house.get("/fhir/Subscription/$status?since=1", partner="northern").status_code == 400


def test_subscriptions_are_found_by_endpoint_status_and_topic(house):
    made = create(house, subscription(endpoint="https://northern.example/one")).json
    other = create(house, subscription(topic=FEED, endpoint="https://northern.example/two")).json

    def found(query):
        answer = house.get(f"/fhir/Subscription?{query}", partner="northern").json
        return [entry["resource"]["id"] for entry in answer.get("entry", [])]

    assert found("url=https://northern.example/one") == [made["id"]]
    assert found(f"criteria={FEED}") == [other["id"]]
    assert found("status=requested,off&url=https://northern.example/two") == [other["id"]]
    assert found("status=active") == []
    assert house.get("/fhir/Subscription?colour=red", partner="northern").status_code == 400
    posted = house.ask("POST", "/fhir/Subscription/_search", partner="northern", data={"_id": made["id"]})
    assert [entry["resource"] for entry in posted.json["entry"]] == [made]


def test_the_capability_statement_names_the_topics_and_what_is_done_with_subscriptions(house):
    statement = house.get("/fhir/metadata").json
    assert SERVER in statement["instantiates"]
    (entry,) = (
        described for described in statement["rest"][0]["resource"] if described["type"] == "Subscription"
    )
    assert entry["supportedProfile"] == [f"{BACKPORT}backport-subscription"]
    canonical = f"{BACKPORT}capabilitystatement-subscriptiontopic-canonical"
    topics = [extended["valueCanonical"] for extended in entry["extension"] if extended["url"] == canonical]
    assert {FEED, f"{OURS}plan-change", f"{OURS}admission", f"{OURS}discharge"} <= set(topics)
    for topic in topics:
        assert create(house, subscription(topic=topic)).status_code == 201
    assert {interaction["code"] for interaction in entry["interaction"]} == {
        "create", "delete", "read", "search-type", "update",
    }  # fmt: skip
    assert {"url", "status"} <= {parameter["name"] for parameter in entry["searchParam"]}
    assert {operation["name"] for operation in entry["operation"]} == {"events", "status"}


def test_the_page_tells_each_topic_with_its_filters():
    page = (Path(__file__).parents[3] / "docs/subscriptions.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `http")]
    by_topic = {
        row[0].strip("`"): {
            type_: tuple(re.findall(r"`([^`]+)`", filters))
            for type_, _, filters in (of_type.partition(": ") for of_type in row[2].split("; "))
        }
        for row in rows
    }
    assert by_topic == {url: dict(topic.filters) for url, topic in TOPICS.items()}
