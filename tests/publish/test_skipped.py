"""A parked message that an operator leaves out."""

from datetime import UTC, datetime

import pytest

from service.store.relay.parked import skip
from service.values.audit import AuditEntry, Disclosure
from tests.publish.made import Office, Paced, message, partner


@pytest.fixture
def office(database_url):
    office = Office(database_url)
    yield office
    office.engine.dispose()


def entry(skipped):
    told = Disclosure("skip", (), "it is known")
    return AuditEntry(datetime.now(UTC), "local", None, (), 200, skipped.id, told)


def test_it_goes_nowhere_and_its_owner_goes_on_behind_it(office, broker):
    bad, after, other = message(body=b"gone"), message(sequence=2), message("case/2")
    paced = Paced(office, broker.url, partner(plain=(), full=("#",)))
    paced.send(bad, after, other)
    assert office.states() == {bad.id: "parked", after.id: "pending", other.id: "published"}
    skip(office.engine, [1], entry)
    paced.wait()
    paced.relay.close()

    assert office.states() == {bad.id: "skipped", after.id: "published", other.id: "published"}
    got = {properties.message_id: properties.headers for properties, _, _ in broker.drain("harbor")}
    assert got.keys() == {after.id, other.id}
    # by this its reader sees that there is one more, in the feed
    assert int(got[after.id]["casebridge-previous"]) == bad.sequence


def test_a_queue_that_was_owed_it_alone_is_even_without_it(office, broker):
    bad, after = message(), message(sequence=2)
    paced = Paced(office, broker.url, partner())
    paced.relay.run_once()
    broker.do(lambda channel: channel.queue_unbind("harbor", "casebridge.to.harbor"))
    paced.send(bad, after)
    office.outbox.park(1, "no reason")
    paced.wait()
    assert office.outbox.debts() == {"harbor": 2}
    skip(office.engine, [1], entry)
    paced.wait()
    paced.relay.close()

    assert office.outbox.debts() == {}
    assert [properties.message_id for properties, _, _ in broker.drain("harbor")] == [after.id]
