"""What is old and done leaves the outbox; what is not stays, and no position is given twice."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from service.store import tables as t
from service.store.relay import retention
from service.store.relay.outbox import Outbox
from service.store.relay.retention import batches, prune
from tests.store.made import NUMBERED, message

NOW = datetime.now(UTC)


@pytest.fixture
def outbox(engine, store, monkeypatch):
    """Ten messages: 3 is parked, 4 is pending; 1 to 6 had been numbered an hour ago."""
    monkeypatch.setattr(retention, "BATCH", 4)
    outbox = Outbox(engine)
    store.transact(lambda unit: unit.resources.emit([message("case/1", number) for number in range(1, 11)]))
    outbox.number()
    outbox.mark([1, 2, 5, 7, 8, 9, 10], "published")
    outbox.mark([6], "unrouted")
    outbox.park(3, "no reason")
    with engine.begin() as connection:
        hours = {2: 2, 6: 1}
        rows = [{"stream": "outbox", "position": p, "at": NOW - timedelta(hours=h)} for p, h in hours.items()]
        connection.execute(insert(t.tick), rows)
        connection.execute(insert(t.tick), {"stream": "history", "position": 2, "at": NOW})
    return outbox


def left(engine, column):
    with engine.connect() as connection:
        return [value for (value,) in connection.execute(select(column).order_by(column))]


def places(engine):
    with engine.connect() as connection:
        chosen = f"SELECT place FROM ({NUMBERED}) AS numbered ORDER BY place"
        return [place for (place,) in connection.exec_driver_sql(chosen)]


def pruned(engine, before):
    return sum(prune(engine, batches(engine, before)))


def test_what_was_numbered_before_and_is_done_is_deleted(engine, outbox):
    assert pruned(engine, NOW) == 4
    assert places(engine) == [3, 4, 7, 8, 9, 10]


def test_nothing_is_deleted_of_what_may_be_younger(engine, outbox):
    assert pruned(engine, NOW - timedelta(hours=3)) == 0
    assert pruned(engine, NOW - timedelta(minutes=90)) == 2
    assert places(engine) == list(range(3, 11))


def test_it_goes_in_spans(engine, outbox):
    assert batches(engine, NOW) == [(1, 4), (5, 6)]
    assert list(prune(engine, batches(engine, NOW))) == [2, 2]


def test_the_newest_tick_stays_so_that_it_can_be_done_again(engine, outbox):
    pruned(engine, NOW)
    assert left(engine, t.tick.c.position) == [2, 6]
    outbox.release([3])
    outbox.mark([3], "published")
    assert pruned(engine, NOW) == 1


def test_positions_go_on_after_what_was_deleted(engine, store, outbox):
    pruned(engine, NOW)
    store.transact(lambda unit: unit.resources.emit([message("case/1", 11)]))
    Outbox(engine).number()
    assert places(engine)[-1] == 11
