"""A partner's queue gets what the partner could read at that moment, and no sign of anything else."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from service.errors import Unavailable
from service.flows.projection.events import Envelope, glass_event
from service.store.store import SqlStore
from service.values.ids import resource_id
from service.wire.fhir.check.model import structure
from service.wiring.access.registered import registered
from service.wiring.processes import publishing
from tests.flows import river
from tests.publish.made import Broker, message
from tests.web.seen.test_audit import records, things, uuid_of
from tests.web.seen.test_hospital_scope import stay
from tests.web.sent import Mercy

PAYER = 'identifiers: [{{system: "urn:example:payers", value: {0}}}]'
REGISTRY = """
partners:
  - {name: cms, kind: case-system, queues: [{name: cms.all, bindings: [{pattern: "#"}]}]}
  - name: other
    kind: case-system
    queues: [{name: other.all, bindings: [{pattern: "#", full_resource: true}]}]
  - name: northern
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: northern}]
    queues:
      - {name: northern.all, bindings: [{pattern: "#", full_resource: true}]}
      - {name: northern.plain, bindings: [{pattern: "careplan.*"}]}
  - name: southern
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: southern}]
    queues: [{name: southern.all, bindings: [{pattern: "#", full_resource: true}, {pattern: "case.*"}]}]
  - name: narrow
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: northern}]
    scopes: [system/CarePlan.rs]
    queues: [{name: narrow.all, bindings: [{pattern: "#", full_resource: true}]}]
  - {name: mercy, kind: hospital, queues: [{name: mercy.all, bindings: [{pattern: "#"}]}]}
  - name: engineer
    kind: engineer
    queues: [{name: engineer.all, bindings: [{pattern: "#", full_resource: true}]}]
"""
QUEUES = {
    "cms": "cms.all",
    "other": "other.all",
    "northern": "northern.all",
    "southern": "southern.all",
    "mercy": "mercy.all",
}


@pytest.fixture
def registry(tmp_path):
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    return path


class Published:
    """The story, and what each queue has got of it since."""

    def __init__(self, house, settings, url):
        self.house, self.broker = house, Broker(url)
        self._relay = publishing(house.engine, url, registered(settings, house.engine).values())

    def publish(self):
        relay = self._relay()
        try:
            relay.run_once()
        finally:
            relay.close()

    def take(self, queue):
        return [json.loads(body) for _, _, body in self.broker.drain(queue)]


@pytest.fixture
def published(house, settings, amqp_url):
    published = Published(house, settings, amqp_url)
    published.publish()
    for path, document in river.STORY:
        assert house.put(path, document).status_code == 201
    return published


def is_readable(house, partner, data):
    reference = data["reference"]
    if "versionId" in data:
        path = f"/fhir/{reference}/_history/{data['versionId']}"
        return house.get(path, partner=partner).status_code == 200
    case = resource_id(reference.partition("/")[2], "EpisodeOfCare", "")
    needed = [f"EpisodeOfCare/{case}", *([data["stay"]] if "stay" in data else [])]
    return all(house.get(f"/fhir/{reference}", partner=partner).status_code == 200 for reference in needed)


def test_each_queue_gets_what_its_partner_may_read_and_no_more(published):
    house = published.house
    for number, ago in (("M-1", 1), ("M-2", 200)):
        assert Mercy(house).send("/fhir/Encounter", stay(number, ago)).status_code in {201, 202}
    published.publish()
    everything = [message["data"] for message in published.take("engineer.all")]
    keys = [(data["reference"], data.get("versionId"), data.get("revision")) for data in everything]
    assert len(set(keys)) > 15
    got = {partner: published.take(queue) for partner, queue in QUEUES.items()}
    for partner, messages in got.items():
        changes = [message["data"] for message in messages]
        wanted = [data["reference"] for data in everything if is_readable(house, partner, data)]
        assert sorted(data["reference"] for data in changes) == sorted(wanted), partner
    assert got["southern"] == got["other"] == []
    assert len(got["mercy"]) >= 3
    assert len(got["northern"]) > 10
    (plan,) = [message["data"] for message in published.take("northern.plain")]
    (narrowed,) = [message["data"] for message in published.take("narrow.all")]
    assert plan["reference"] == narrowed["reference"] == f"CarePlan/{house.one('CarePlan', 'northern')['id']}"
    assert ("resource" in plan, "resource" in narrowed) == (False, True)


def test_what_goes_out_with_the_resource_is_on_record_before_and_what_goes_without_is_not(published):
    house, client = published.house, uuid_of(published.house, "client", "river")
    before = len(records(house.engine))
    published.publish()
    rows = {row.correlation: row for row in records(house.engine)[before:]}
    assert rows.keys() == {"northern.all", "narrow.all", "engineer.all"}
    for queue, row in rows.items():
        assert (row.partner, row.interaction, row.address) == (queue.partition(".")[0], "disclose", None)
        changes = [message["data"] for message in published.take(queue)]
        full = [f"{data['reference']}/_history/{data['versionId']}" for data in changes if "resource" in data]
        assert sorted(full) == sorted(reference for some in things(row).values() for reference in some)
    assert rows["northern.all"].purposes == "HPAYMT"
    assert things(rows["narrow.all"]).keys() == {client}
    items = house.get("/api/clients/river/disclosures").json["items"]
    assert {item["partner"] for item in items if item["interaction"] == "disclose"} == {
        "northern",
        "narrow",
        "engineer",
    }
    resources = house.get("/fhir/AuditEvent?agent=narrow", partner=None).json["entry"][0]["resource"]
    assert (resources["type"]["code"], resources["subtype"][0]["code"]) == ("110106", "disclose")
    assert list(structure(resources)) == []
    published.publish()
    assert len([row for row in records(house.engine) if row.interaction == "disclose"]) == 3


def test_without_a_record_nothing_goes_out_and_all_of_it_once_there_can_be_one(published):
    house = published.house
    with house.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit RENAME TO gone"))
    with pytest.raises(Unavailable):
        published.publish()
    assert published.take("northern.all") == []
    with house.engine.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO audit"))
    published.publish()
    assert len(published.take("northern.all")) > 10


def test_what_a_client_denies_or_is_no_member_for_any_more_goes_out_no_more(published):
    published.publish()
    published.take("northern.all")
    house = published.house
    denied = {**river.CLIENT, "consents": [{"id": "c", "status": "active", "decision": "deny"}]}
    assert house.put("/api/clients/river", denied, headers={"If-Match": "*"}).status_code == 200
    changed = {**river.CASE, "title": "Another"} if "title" in river.CASE else river.CASE
    house.put("/api/cases/c1", {**changed, "status": "finished"}, headers={"If-Match": "*"})
    published.publish()
    assert published.take("northern.all") == []
    assert published.take("cms.all") != []


def test_that_something_was_erased_goes_to_whoever_might_have_it(published):
    published.publish()
    house = published.house
    for queue in QUEUES.values():
        published.take(queue)
    for path in (
        f"/api/cases/{uuid_of(house, 'case', 'c1')}",
        f"/api/clients/{uuid_of(house, 'client', 'river')}",
    ):
        assert house.ask("DELETE", path, partner=None).status_code == 204
    published.publish()
    messages = published.take("northern.all")
    assert {message["type"].split(".")[3] for message in messages} == {"deleted"}
    assert {tuple(message["data"]) for message in messages} == {("reference",)}


def test_that_somebody_broke_the_glass_goes_to_who_owns_the_client(published):
    published.publish()
    house = published.house
    event = glass_event(uuid_of(house, "client", "river"), "mercy")
    envelope = Envelope("urn:example:source", "urn:example:schemas")
    sent = envelope.message(event, owner="client/1", view="default", sequence=9, at=datetime.now(UTC))
    for queue in QUEUES.values():
        published.take(queue)
    SqlStore(house.engine).transact(lambda unit: unit.resources.emit([sent]))
    published.publish()
    assert [partner for partner, queue in QUEUES.items() if published.take(queue)] == ["cms"]


def test_a_message_that_nobody_can_read_goes_to_nobody_who_does_not_see_all(published):
    published.publish()
    for queue in QUEUES.values():
        published.take(queue)
    house = published.house
    odd = [message(body=body, key="careplan.updated", owner=f"case/{body}") for body in (b"{", b"{}", b"[]")]
    SqlStore(house.engine).transact(lambda unit: unit.resources.emit(odd))
    published.publish()
    assert [partner for partner, queue in QUEUES.items() if published.take(queue)] == []
