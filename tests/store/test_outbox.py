"""What queues are owed is known by message, and a message is published once nobody is owed it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.store.relay.outbox import Outbox
from service.store.relay.retention import prune
from tests.store.made import NUMBERED, message


@pytest.fixture
def outbox(engine, store):
    """Six numbered messages: of case/1 the first, third and fifth, of case/2 the others."""
    outbox = Outbox(engine)
    store.transact(lambda unit: unit.resources.emit([message(f"case/{1 + n % 2}", n) for n in range(6)]))
    outbox.number()
    return outbox


def owed(outbox, queue, limit=10):
    return [row.position for row in outbox.owed_messages(queue, limit)]


def pending(outbox):
    return [row.position for row in outbox.pending(0, 10)]


def test_a_queue_is_owed_its_messages_in_order_until_it_has_them(outbox):
    outbox.mark([2, 4], "published")
    outbox.owe([(3, "harbor"), (1, "harbor"), (1, "clinic")])

    assert outbox.debts() == {"harbor": 2, "clinic": 1}
    assert owed(outbox, "harbor") == [1, 3]
    assert owed(outbox, "harbor", 1) == [1]
    assert owed(outbox, "clinic") == [1]
    assert pending(outbox) == [5, 6]

    outbox.pay("harbor", [1, 3])
    assert outbox.debts() == {"clinic": 1}
    assert owed(outbox, "harbor") == []
    assert (outbox.owes("harbor"), outbox.owes("clinic")) == (False, True)


def test_a_message_is_published_when_the_last_queue_has_it(outbox, engine):
    outbox.owe([(1, "harbor"), (1, "clinic"), (2, "clinic")])
    states = []
    for queue in ("harbor", "clinic"):
        outbox.pay(queue, [1])
        with engine.connect() as connection:
            chosen = f"SELECT state FROM ({NUMBERED}) AS numbered WHERE place <= 2 ORDER BY place"
            states.append([state for (state,) in connection.exec_driver_sql(chosen)])
    assert states == [["owed", "owed"], ["published", "owed"]]


def test_what_is_parked_hides_nothing_that_comes_long_after_it(outbox):
    for position in range(1, 6):
        outbox.park(position, "no reason")
    assert [row.position for row in outbox.pending(0, 2)] == [6]
    assert outbox.backlog() == 1
    assert outbox.release([2, 4]) == 2
    assert pending(outbox) == [2, 4, 6]
    assert outbox.backlog() == 3


def test_what_was_owed_when_it_was_parked_is_published_anew_once_it_is_released(outbox):
    outbox.mark([2, 3, 4, 5, 6], "published")
    outbox.owe([(1, "harbor")])
    outbox.park(1, "no reason")
    assert (pending(outbox), outbox.backlog()) == ([], 0)
    outbox.release([1])
    assert (pending(outbox), outbox.backlog()) == ([1], 1)


def test_what_a_relay_of_the_release_before_set_aside_is_published_once_it_is_released(outbox, engine):
    """It numbered and parks by the position in the row."""
    outbox.mark([2, 3, 4, 5, 6], "published")
    outbox.owe([(1, "harbor")])
    with engine.begin() as connection:
        first = 'SELECT min("row") FROM outbox'
        connection.exec_driver_sql(f'UPDATE outbox SET position = 1 WHERE "row" = ({first})')
        connection.exec_driver_sql("UPDATE outbox SET state = 'parked' WHERE position = 1")
    outbox.release([1])
    assert pending(outbox) == [1]


def test_what_is_recorded_twice_is_owed_once(outbox):
    for _ in range(2):
        outbox.owe([(1, "harbor"), (2, "harbor")])
    assert outbox.debts() == {"harbor": 2}


def test_no_message_overtakes_an_earlier_one_of_its_owner_that_is_parked_or_still_to_go(outbox):
    outbox.owe([(position, "harbor") for position in range(1, 7)])
    outbox.park(3, "no reason")
    assert owed(outbox, "harbor") == [1, 2, 4, 6]
    outbox.release([3])
    assert owed(outbox, "harbor") == [1, 2, 4, 6]
    outbox.owe([(3, "harbor")])
    assert owed(outbox, "harbor") == [1, 2, 3, 4, 5, 6]


def test_what_a_queue_is_owed_is_not_pruned(outbox, engine):
    outbox.mark([1, 2, 3], "published")
    outbox.owe([(4, "harbor"), (5, "harbor"), (6, "harbor")])
    outbox.pay("harbor", [4])
    assert list(prune(engine, [(1, 6)])) == [4]
    assert owed(outbox, "harbor") == [5, 6]


def test_the_oldest_is_what_waits_longest_of_what_is_still_to_publish(outbox, store):
    """It is by its time on record, whether it has a number or not; what is parked does not wait."""
    now = datetime.now(UTC)
    hours = [replace(message("case/3", n), recorded=now - timedelta(hours=4 - n)) for n in range(2)]
    store.transact(lambda unit: unit.resources.emit(hours))
    outbox.mark(range(1, 7), "published")
    assert 4 * 3600 <= outbox.oldest_seconds() < 4.1 * 3600
    outbox.number()
    outbox.park(7, "no reason")
    assert 3 * 3600 <= outbox.oldest_seconds() < 3.1 * 3600
    outbox.mark([8], "published")
    assert outbox.oldest_seconds() == 0
