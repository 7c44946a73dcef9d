"""Positions have no gaps, survive retention, and ticks say how far they had come."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select

from service.store import tables as t
from service.store.relay import positions as store_positions
from service.store.relay.positions import TICK_SECONDS, Positions
from tests.store.made import message, version


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def positions(engine, clock):
    return Positions(engine, clock)


def emit(store, *sequences):
    store.transact(lambda unit: unit.resources.emit([message("case/1", each) for each in sequences]))


def rows(engine, statement):
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def given(engine, table):
    c = table.c
    return [position for (position,) in rows(engine, select(c.position).order_by(c.row))]


def test_messages_and_versions_are_numbered_each_in_their_own_stream(engine, store, positions):
    emit(store, 1, 2, 3)
    store.transact(lambda unit: unit.resources.write([version("case", "p1"), version("case", "p2")]))
    assert positions.number(100) == 5
    assert given(engine, t.outbox) == [1, 2, 3]
    assert given(engine, t.history) == [1, 2]
    assert positions.number(100) == 0


def test_a_limit_leaves_the_rest_for_the_next_time(engine, store, positions):
    emit(store, 1, 2, 3)
    assert positions.number(2) == 2
    assert given(engine, t.outbox) == [1, 2, None]
    assert positions.number(2) == 1
    assert given(engine, t.outbox) == [1, 2, 3]


def test_positions_go_on_where_they_were_though_the_rows_are_gone(engine, store, positions):
    emit(store, 1, 2, 3)
    positions.number(100)
    with engine.begin() as connection:
        connection.execute(delete(t.outbox))
    emit(store, 4)
    Positions(engine).number(100)
    assert given(engine, t.outbox) == [4]


def test_several_who_number_at_once_give_no_position_twice(engine, store):
    def story(number):
        emit(store, number)
        Positions(engine).number(100)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(story, range(20)))
    Positions(engine).number(100)
    assert sorted(given(engine, t.outbox)) == list(range(1, 21))


def test_a_tick_tells_only_what_was_numbered_before_it(engine, store, positions, clock):
    ticks = select(t.tick.c.stream, t.tick.c.position).order_by(t.tick.c.position)
    emit(store, 1, 2)
    positions.number(100)
    assert rows(engine, ticks) == []
    clock.now += TICK_SECONDS
    emit(store, 3)
    before = datetime.now(UTC)
    positions.number(100)
    assert rows(engine, ticks) == [("outbox", 2)]
    clock.now += TICK_SECONDS
    positions.number(100)
    assert rows(engine, ticks) == [("outbox", 2), ("outbox", 3)]
    (first, _) = [at for (at,) in rows(engine, select(t.tick.c.at).order_by(t.tick.c.position))]
    assert before <= (first if first.tzinfo else first.replace(tzinfo=UTC)) <= datetime.now(UTC)


def test_ticks_are_a_second_apart_and_none_is_written_where_nothing_happens(engine, store, positions, clock):
    for number in range(30):
        emit(store, number)
        positions.number(100)
        clock.now += 0.25
    found = len(rows(engine, select(t.tick)))
    assert 6 <= found <= 8
    for _ in range(30):
        positions.number(100)
        clock.now += 1
    assert len(rows(engine, select(t.tick))) <= found + 1


def test_who_leads_next_writes_the_tick_that_the_last_one_owed(engine, store, positions):
    emit(store, 1)
    positions.number(100)
    Positions(engine).number(100)
    assert rows(engine, select(t.tick.c.position)) == [(1,)]


def test_a_clock_that_is_set_back_makes_no_tick_older_than_the_one_before(
    engine, store, positions, clock, monkeypatch
):
    emit(store, 1)
    positions.number(10)
    clock.now += TICK_SECONDS
    positions.number(10)

    class SetBack(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(hours=1)

    monkeypatch.setattr(store_positions, "datetime", SetBack)
    emit(store, 2)
    positions.number(10)
    clock.now += TICK_SECONDS
    positions.number(10)

    ticks = rows(engine, select(t.tick.c.at).where(t.tick.c.stream == "outbox").order_by(t.tick.c.position))
    assert len(ticks) == 2
    assert ticks[0] <= ticks[1]
