"""What is old and done leaves the outbox; what is not stays, and no position is given twice."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from service.errors import Unkept
from service.store import tables as t
from service.store.relay import positions, retention
from service.store.relay.outbox import Outbox
from service.store.relay.retention import batches, prune
from service.values.access.scope import Scope
from tests.store.made import NUMBERED, message

NOW = datetime.now(UTC)
ALL = Scope(everything=True)


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


def test_a_queue_is_not_owed_what_was_deleted_while_somebody_had_it_told_again(engine, outbox):
    pruned(engine, NOW)
    outbox.owe([(1, "harbor"), (6, "harbor"), (7, "harbor")])
    assert outbox.debts() == {"harbor": 1}
    outbox.pay("harbor", [7])
    assert outbox.debts() == {}


def test_it_goes_in_spans(engine, outbox):
    assert batches(engine, NOW) == [(1, 4), (5, 6)]
    assert list(prune(engine, batches(engine, NOW))) == [2, 2]


def test_the_newest_tick_stays_so_that_it_can_be_done_again(engine, outbox):
    pruned(engine, NOW)
    assert left(engine, t.tick.c.position) == [2, 6]
    outbox.release([3])
    outbox.mark([3], "published")
    assert pruned(engine, NOW) == 1


def test_who_follows_from_before_what_was_deleted_is_told(store, engine, outbox):
    assert (store.feed_begins(), len(store.events(ALL, 0, 10))) == (0, 10)
    pruned(engine, NOW)
    assert store.feed_begins() == 6
    assert [message.position for message in store.events(ALL, 6, 10)] == [7, 8, 9, 10]
    for after in (0, 2, 5):
        with pytest.raises(Unkept, match="without `after`"):
            store.events(ALL, after, 10)


def test_what_is_owed_or_parked_or_pending_loses_nobody_a_message(store, engine, outbox):
    outbox.owe([(5, "harbor"), (6, "harbor")])
    pruned(engine, NOW)
    assert places(engine) == [3, 4, 5, 6, 7, 8, 9, 10]
    assert [message.position for message in store.events(ALL, 2, 10)] == places(engine)


@pytest.mark.parametrize("rounds", [5, pytest.param(60, marks=pytest.mark.soak)])
def test_the_outbox_is_no_larger_after_many_rounds_than_after_the_first(engine, store, monkeypatch, rounds):
    monkeypatch.setattr(positions, "TICK_SECONDS", 0.0)
    outbox, sizes = Outbox(engine), []
    for each in range(rounds):
        sent = [message(f"case/{n % 50}", each * 40 + n // 50) for n in range(2000)]
        store.transact(lambda unit, sent=sent: unit.resources.emit(sent))
        # twice: it is told afterwards how far it was
        outbox.number()
        outbox.number()
        outbox.mark([row.position for row in outbox.pending(0, 3000)], "published")
        assert pruned(engine, datetime.now(UTC) + timedelta(seconds=1)) == 2000
        sizes.append(size(engine))
    assert places(engine) == []
    assert sizes[-1] <= sizes[0] * 1.3


def size(engine):
    """Bytes on disk, once what was deleted is swept up, as it is from time to time."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "sqlite":
            return connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql("VACUUM")
        told = "SELECT pg_database_size(current_database())"
        return connection.exec_driver_sql(told).scalar()


def test_positions_go_on_after_what_was_deleted(engine, store, outbox):
    pruned(engine, NOW)
    store.transact(lambda unit: unit.resources.emit([message("case/1", 11)]))
    Outbox(engine).number()
    assert places(engine)[-1] == 11
