"""What consumers say that they read is what is published, and what is made; contracts/README.md."""

import copy
import json
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from service.access import registry
from service.flows.projection.events import Envelope, erased_event, written_event
from service.publish.copies.coverage import Coverage
from service.wire.contracts.published.compatibility import Hurt, changes
from service.wire.json import parse
from tests.contracts import consumers
from tests.contracts.consumers import contracts, fields_of, needs
from tests.contracts.published import described, keys, published

GOLDEN = Path(__file__).parents[2] / "mappings" / "golden"
TYPES = {described()["components"]["messages"][key]["name"]: key for key in keys()}


def published_schema(key):
    """The schema of a message: the envelope, with what is known closer of its type and its data."""
    _, envelope, data, _ = published(key)
    return {**envelope, "properties": {**envelope["properties"], "data": data}}


def missed(contract, type_, schema):
    """What of a message's schema does not do for a consumer; what is in a resource R4 says."""
    fields = fields_of(contract, type_)
    read = {path: needed for path, needed in fields.items() if not path.startswith("data.resource")}
    hurt = [change for change in changes(needs(read), schema) if change.hurts & Hurt.READERS]
    return [f"{change.where} {change.what}" for change in hurt]


def test_an_insurer_a_hospital_and_the_reference_consumer_are_there():
    assert list(contracts()) == ["mercy", "northern", "reference"]


@pytest.mark.parametrize("name", contracts())
def test_what_a_consumer_reads_is_published_and_comes_to_its_queue(name, tmp_path):
    """Each type is there, each field is in its schema, and its registry entry has the bindings for it."""
    contract = contracts()[name]
    file = tmp_path / "partners.yaml"
    file.write_text(json.dumps({"partners": [contract["entry"]]}))
    entry = registry.load(file)[contract["entry"]["name"]]
    coverage, queues = Coverage([entry]), {queue.name for queue in entry.queues}
    for pattern in (pattern for read in contract["reads"] for pattern in read["types"]):
        types = [type_ for type_ in TYPES if fnmatchcase(type_, pattern)]
        assert types, f"{pattern} is no type that is published"
        for type_ in types:
            assert missed(contract, type_, published_schema(TYPES[type_])) == []
            (full,) = (route.full for route in coverage.of("default", TYPES[type_]) if route.queue in queues)
            reads_resource = any(path.startswith("data.resource") for path in fields_of(contract, type_))
            assert full or not reads_resource, type_


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda schema: schema["data"]["properties"].pop("stay"), "data.stay is gone"),
        (lambda schema: schema["data"]["required"].remove("stay"), "data.stay may be left out"),
        (
            lambda schema: schema["data"]["properties"]["stay"].update(type="object"),
            "data.stay is object, and was string",
        ),
        (
            lambda schema: schema["data"]["properties"]["status"]["enum"].append("paused"),
            "data.status may be ['paused'] from now on",
        ),
        (lambda schema: schema.pop("time"), "time is gone"),
    ],
)
def test_a_change_that_a_consumer_would_miss_is_found(spoil, expected):
    schema = copy.deepcopy(published_schema("case.discharged"))
    spoil(schema["properties"])
    assert missed(contracts()["northern"], "org.casebridge.case.discharged.v1", schema) == [expected]


def test_a_change_of_what_no_consumer_reads_breaks_none():
    schema = copy.deepcopy(published_schema("case.discharged"))
    schema["properties"]["data"]["properties"]["status"]["enum"].append("paused")
    assert missed(contracts()["mercy"], "org.casebridge.case.discharged.v1", schema) == []


def told(event):
    envelope = Envelope("urn:casebridge:test", "urn:casebridge:test")
    return parse(
        envelope.message(event, owner="case/1", view="default", sequence=1, at=datetime.now(UTC)).body
    )


def golden(type_):
    """The resources of a type that the mappings make of the golden cases, as versions that are stored."""
    made = [resource for path in GOLDEN.glob("case*/out.json") for resource in json.loads(path.read_text())]
    return [{**each, "meta": {"versionId": "2"}} for each in made if each["resourceType"] == type_]


@pytest.mark.parametrize("type_", ["CareTeam", "EpisodeOfCare"])
def test_consumers_of_resources_can_read_what_is_made(type_):
    assert golden(type_)
    for resource in golden(type_):
        message = told(written_event(resource, ["status"]))
        message["data"]["resource"] = resource
        consumers.check(message)
    consumers.check(told(erased_event(type_, "1")))


def test_a_resource_that_a_consumer_cannot_read_is_found():
    resource = next(each for each in golden("CareTeam") if "participant" in each)
    message = told(written_event(resource, []))
    message["data"]["resource"] = {**resource, "participant": [{"role": [{"text": "Case manager"}]}]}
    with pytest.raises(AssertionError, match="'coding' is a required property"):
        consumers.check(message)
