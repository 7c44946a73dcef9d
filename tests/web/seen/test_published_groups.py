"""A queue that is for targeted groups gets what is of their cases and clients, when it is published."""

import pytest

from tests.flows import river
from tests.web.seen.test_audit import uuid_of
from tests.web.seen.test_published_scope import Published

REGISTRY = """
partners:
  - {name: cms, kind: case-system}
  - name: engineer
    kind: engineer
    queues:
      - {name: all, bindings: [{pattern: "#"}]}
      - {name: injured, bindings: [{pattern: "#"}], targeted_groups: [brain-injury, homelessness]}
      - {name: older, bindings: [{pattern: "#"}], targeted_groups: [older-adults]}
  - name: southern
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: southern}]
    queues: [{name: southern, bindings: [{pattern: "#"}], targeted_groups: [brain-injury]}]
"""
ROBIN = {**river.CLIENT, "identifiers": [{"system": "urn:example:clients", "value": "R-2"}]}
ROBINS = {
    **river.CASE,
    "client": "robin",
    "identifiers": [{"system": "urn:example:cases", "value": "C-2"}],
    "targeted_group": "older-adults",
}


@pytest.fixture
def registry(tmp_path):
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    return path


@pytest.fixture
def two(house, settings, amqp_url):
    """River, whose case is of one group, and Robin, whose case is of another; all that they are known by."""
    published = Published(house, settings, amqp_url)
    published.publish()
    for path, document in (*river.STORY, ("/api/clients/robin", ROBIN), ("/api/cases/c2", ROBINS)):
        assert house.put(path, document).status_code == 201
    injured = {**river.CASE, "targeted_group": "brain-injury"}
    assert house.put("/api/cases/c1", injured, headers={"If-Match": "*"}).status_code == 200
    known = {
        name: {f"{kind}/{uuid_of(house, kind, id_)}" for kind, id_ in documents}
        for name, documents in {
            "river": (("client", "river"), ("case", "c1")),
            "robin": (("client", "robin"), ("case", "c2")),
        }.items()
    }
    return published, known


def owners(messages):
    return {message["partitionkey"] for message in messages}


def is_directorys(message):
    return not message["partitionkey"].startswith(("case/", "client/"))


def test_each_gets_what_is_of_its_groups_and_of_the_directory(two):
    published, known = two
    published.publish()
    everything = published.take("all")
    directory = [message["id"] for message in everything if is_directorys(message)]
    assert directory
    assert owners(everything) >= known["river"] | known["robin"]
    for queue, name in (("injured", "river"), ("older", "robin")):
        wanted = [message["id"] for message in everything if message["partitionkey"] in known[name]]
        assert len(wanted) > 10
        assert sorted(message["id"] for message in published.take(queue)) == sorted(wanted + directory)
    # a group shows nobody more
    assert published.take("southern") == []


def test_a_case_that_comes_into_a_group_is_told_from_then_on_with_its_predecessors(two):
    published, known = two
    published.publish()
    published.take("injured")
    house = published.house
    moved = {**ROBINS, "targeted_group": "homelessness"}
    assert house.put("/api/cases/c2", moved, headers={"If-Match": "*"}).status_code == 200
    published.publish()
    got = published.broker.drain("injured")
    assert got
    assert {properties.headers["casebridge-previous"] for properties, _, _ in got[:1]} == {"0" * 20}
    published.take("older")
    assert (
        house.put("/api/clients/robin", {**ROBIN, "language": "da"}, headers={"If-Match": "*"}).status_code
        == 200
    )
    published.publish()
    assert owners(published.take("injured")) <= known["robin"]
    assert published.take("older") == []


def test_that_something_was_erased_is_told_to_all(two):
    published, _ = two
    published.publish()
    for queue in ("injured", "older"):
        published.take(queue)
    case = uuid_of(published.house, "case", "c2")
    assert published.house.ask("DELETE", f"/api/cases/{case}", partner=None).status_code == 204
    published.publish()
    for queue in ("injured", "older"):
        told = published.take(queue)
        assert {message["type"].split(".")[3] for message in told} == {"deleted"}
        assert owners(told) == {f"case/{case}"}
