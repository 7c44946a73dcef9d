"""What must hold in the end, whatever was killed: between the store, the outbox and the queue."""

import json
from collections import Counter, defaultdict

import requests

from tests.contracts.published import check_fed
from tests.faults.callers import number_of
from tests.store.made import NUMBERED

PENDING = f"""
SELECT 1 FROM ({NUMBERED}) AS numbered WHERE state NOT IN ('pending', 'published') OR place IS NULL
OR place > (SELECT last FROM counter WHERE name = 'listed') OR place IN (SELECT position FROM unpublished)
LIMIT 1
"""


def each_answered_change_is_stored_once(house, systems, last):
    """Revision n + 1 of each case is its change n, and each answer said so."""
    answered = {key: etag for system in systems for key, etag in system.answered.items()}
    assert answered
    for name in (case for system in systems for case in system.cases):
        revisions = requests.get(f"{house.url}/api/cases/{name}/revisions", timeout=30).json()["items"]
        stored = [(revision["revision"], number_of(revision["document"])) for revision in reversed(revisions)]
        assert stored == [(number + 1, number) for number in range(last + 1)], name
        for (case, number), etag in answered.items():
            assert case != name or etag == f'W/"{number + 1}"'


def failures_were_told_as_such(systems):
    """What was killed is away for a while; nothing is a bug, and no change was refused for good."""
    seen = {status.split()[1] for system in systems for status in system.statuses}
    assert seen <= {"none", "200", "201", "404", "412", "428", "503"}, seen


def messages_are_the_outbox(house, engineer):
    """Nothing lost or invented, positions without gaps, owners' messages in order, each type as published."""
    sent = {message: bytes(body) for message, body in house.rows("SELECT message, body FROM outbox")}
    got = {message["id"]: message for message in engineer.messages}
    assert got.keys() == sent.keys()
    assert all(json.loads(sent[id_]) == got[id_] for id_ in sent)
    for event in {event["type"]: event for event in got.values()}.values():
        check_fed(event)
    places = [place for (place,) in house.rows(f"SELECT place FROM ({NUMBERED}) AS numbered ORDER BY place")]
    assert places == list(range(1, len(sent) + 1))
    # the first copy of each, in the order they came
    sequences = defaultdict(list)
    for event in got.values():
        sequences[event["partitionkey"]].append(int(event["sequence"]))
    for owner, numbers in sequences.items():
        assert numbers == list(range(1, len(numbers) + 1)), owner


def versions_have_one_message_each(house):
    """Each version of a resource was told once."""
    events = [json.loads(bytes(body))["data"] for (body,) in house.rows("SELECT body FROM outbox")]
    messages = Counter((event["reference"], event["versionId"]) for event in events if "versionId" in event)
    versions = house.rows(
        "SELECT type || '/' || id, version::text FROM resource_history WHERE type <> 'Provenance'"
    )
    assert messages == Counter(tuple(version) for version in versions)


def what_is_later_says_so(house):
    """Each revision of a document and each version of a resource is later than the one before."""
    for table, name, number, at in (
        ("revision", "document", "revision", "recorded"),
        ("resource_history", "view || type || id", "version", "last_updated"),
    ):
        turned = f"SELECT {at} <= lag({at}) OVER (PARTITION BY {name} ORDER BY {number}) FROM {table}"
        assert not any(is_turned for (is_turned,) in house.rows(turned)), table
