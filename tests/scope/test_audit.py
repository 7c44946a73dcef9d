"""Pulls times patients are events: who was told what of whom is on record, each thing once.

What an answer holds is read from the answer, whose it is from `oracle.py`, what is on record from
/fhir/AuditEvent. Several ask at once.
"""

import json
import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

from tests.scope.oracle import Oracle
from tests.scope.test_scope_oracle import PULLING
from tests.scope.world import INSURERS

PULLS = 240
AT_ONCE = 6
SEARCHES = (
    "/fhir/CarePlan?_count=3",
    "/fhir/CarePlan?_include=CarePlan:subject&_include=CarePlan:care-team",
    "/fhir/Patient?_revinclude=CarePlan:subject&_count=4",
    "/fhir/Practitioner",
    "/fhir/Condition?_include=Condition:subject&_count=5",
    "/fhir/CarePlan?status=nothing-of-the-kind",
    "/fhir?_type=Patient,CareTeam&_count=7",
    "/fhir/_history?_count=9",
    "/fhir/Goal/_history?_count=4",
)


def pulls(oracle, chance):
    """Who asks what, drawn by chance: of what there is, theirs or not, and of lists."""
    resources = [version for versions in oracle.resources.values() for version in versions]
    for _ in range(PULLS):
        partner, version = chance.choice(PULLING), chance.choice(resources)
        one = f"/fhir/{version.type}/{version.id}"
        ways = [one, f"{one}/_history", f"{one}/_history/{version.version}", *chance.sample(SEARCHES, 3)]
        ways += [f"{one}/$everything"] if version.type == "Patient" else []
        yield partner, chance.choice(ways)


def test_there_is_an_event_for_each_pull_and_patient_with_what_was_told(house, world, request):
    oracle = Oracle(world)
    chance = random.Random(request.node.name)
    asked = {f"pull-{number}": pull for number, pull in enumerate(pulls(oracle, chance))}

    def pull(correlation):
        partner, path = asked[correlation]
        headers = {"Casebridge-Partner": partner, "X-Correlation-Id": correlation}
        answer = house.app.test_client().get(path, headers=headers)
        assert answer.status_code in {200, 404}, answer.data
        return correlation, answer

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = dict(threads.map(pull, asked))
    on_record = events(house)
    several = 0
    for correlation, answer in answers.items():
        partner, path = asked[correlation]
        own_events = on_record.pop(correlation)
        assert {event["agent"][0]["altId"] for event in own_events} == {partner}
        if answer.status_code == 404:
            assert [(event["outcome"], whose(oracle, event)) for event in own_events] == [("4", None)], path
            continue
        things_told = told_by(oracle, answer)
        assert {event["outcome"] for event in own_events} == {"0"}
        assert len(own_events) == max(len(things_told), 1), (partner, path)
        assert {whose(oracle, event): things(event) for event in own_events} == (
            things_told or {None: set()}
        ), path
        several += len(things_told) > 2
    assert several > 5
    assert on_record == {}
    assert {partner for partner, _ in asked.values()} >= {*INSURERS}


def events(house):
    """What is on record of all pulls here, by their correlation ids."""
    events_of, url = defaultdict(list), "/fhir/AuditEvent?_count=200"
    while url:
        page = json.loads(house.get(url, partner=None).data)
        for entry in page.get("entry", []):
            event = entry["resource"]
            request = event["entity"][-1]["what"]["identifier"]["value"]
            if request.startswith("pull-"):
                events_of[request].append(event)
        links = {link["relation"]: link["url"] for link in page["link"]}
        url = links.get("next", "").partition("8080")[2] or links.get("next")
    return events_of


def told_by(oracle, answer):
    """What an answer holds, by the number of the person that it is of, or None: (type, id, version)."""
    body, disclosed = json.loads(answer.data), defaultdict(set)
    entries = body.get("entry", []) if body["resourceType"] == "Bundle" else [{"resource": body}]
    for entry in entries:
        resource = entry["resource"]
        if resource["resourceType"] != "OperationOutcome":
            key = resource["resourceType"], resource["id"]
            (version,) = {v for v in oracle.resources[key] if f"{v.version}" == resource["meta"]["versionId"]}
            disclosed[version.owner.number].add(version[:3])
    return disclosed


def whose(oracle, event):
    """The number of the person that an event is about; None where it is about nobody."""
    patients = [
        entity["what"]["reference"]
        for entity in event["entity"]
        if entity.get("role", {}).get("code") == "1" and entity["type"]["code"] == "1"
    ]
    assert len(patients) < 2
    if not patients:
        return None
    (version, *_) = oracle.resources[tuple(patients[0].split("/"))]
    return version.owner.number


def things(event):
    """What an event says was told: (type, id, version)."""
    named = [
        entity["what"]["reference"].split("/")
        for entity in event["entity"]
        if entity.get("role", {}).get("code") == "4"
    ]
    assert len(named) == len({tuple(thing) for thing in named})
    return {(type_, id_, int(version)) for type_, id_, _, version in named}
