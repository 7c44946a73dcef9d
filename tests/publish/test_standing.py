"""The metrics of the relay tell how the outbox stands, whatever the broker does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from service.errors import Unavailable
from service.publish.relay import LOOK_SECONDS
from tests.publish.made import Paced, message, partner

NOBODY = "amqp://guest:guest@127.0.0.1:1/%2F"


def sample(name, **labels):
    return REGISTRY.get_sample_value(f"casebridge_{name}", labels)


def hours_old(hours, **members):
    return replace(message(**members), recorded=datetime.now(UTC) - timedelta(hours=hours))


def test_a_backlog_and_its_age_are_told_while_the_broker_is_away(office, relay_to):
    """Messages that nobody has numbered yet count, too: who cannot reach the broker numbers none."""
    office.emit(hours_old(2), hours_old(1, sequence=2))
    with pytest.raises(Unavailable):
        relay_to(NOBODY, partner()).turn()
    assert sample("relay_backlog") == 2
    assert 7200 <= sample("relay_oldest_seconds") < 7300
    assert sample("relay_leading") == 0


def test_the_oldest_is_the_first_that_still_is_to_go(office, broker):
    """One that is parked does not wait: it is told of by itself, until it is released."""
    bad = hours_old(3, key="x" * 300)
    paced = Paced(office, broker.url, partner())
    paced.send(bad, hours_old(2, owner="case/2"), hours_old(1, sequence=2))
    paced.wait(LOOK_SECONDS)
    assert office.states()[bad.id] == "parked"
    assert sample("relay_parked") == 1
    assert 3600 <= sample("relay_oldest_seconds") < 3700
    with office.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE outbox SET routing_key = 'goal.updated' WHERE state = 'parked'")
    assert office.outbox.release([1]) == 1
    paced.wait(LOOK_SECONDS)
    paced.wait(LOOK_SECONDS)
    paced.relay.close()
    assert (sample("relay_parked"), sample("relay_backlog"), sample("relay_oldest_seconds")) == (0, 0, 0)


def test_confirms_are_timed(office, broker, relay_to):
    before = sample("relay_confirm_seconds_count") or 0
    office.emit(message(), message("case/2"))
    relay_to(broker.url, partner()).run_once()
    assert sample("relay_confirm_seconds_count") > before


def test_who_stands_by_tells_nothing_of_the_outbox(office, broker, relay_to):
    office.emit(hours_old(1))
    with pytest.raises(Unavailable):
        relay_to(NOBODY, partner()).turn()
    assert sample("relay_backlog") == 1
    first, second = relay_to(broker.url, partner()), relay_to(broker.url, partner())
    first.turn()
    second.turn()
    assert (sample("relay_backlog"), sample("relay_oldest_seconds")) == (0, 0)
