"""Positions have no gaps, survive retention, and ticks say how far they had come."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st
from sqlalchemy import delete, select

from service.store import tables as t
from service.store.relay import positions as store_positions
from service.store.relay.gaps import gaps_after
from service.store.relay.positions import ASK_SECONDS, STREAMS, TICK_SECONDS, Positions
from service.store.relay.runs import runs_of
from service.store.sql.engine import connect, writing
from service.store.store import SqlStore
from service.store.writing.unit import SqlUnit
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
    store.transact(lambda unit: unit.resources.emit([message("case/1", sequence) for sequence in sequences]))


def rows(engine, statement):
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def positions_of(engine, stream="outbox"):
    """The positions of the rows that are there, in the order of the rows."""
    table, r = STREAMS[stream].c, t.position_run.c
    mine = (r.stream == stream) & table.row.between(r.row, r.row + r.length - 1)
    chosen = (
        select(r.position + table.row - r.row).select_from(STREAMS[stream]).outerjoin(t.position_run, mine)
    )
    return [position for (position,) in rows(engine, chosen.order_by(table.row))]


def test_messages_and_versions_are_numbered_each_in_their_own_stream(engine, store, positions):
    emit(store, 1, 2, 3)
    store.transact(lambda unit: unit.resources.write([version("case", "p1"), version("case", "p2")]))
    assert positions.number(100).count == 5
    assert positions_of(engine) == [1, 2, 3]
    assert positions_of(engine, "history") == [1, 2]
    assert positions.number(100).count == 0


def test_a_limit_leaves_the_rest_for_the_next_time(engine, store, positions):
    emit(store, 1, 2, 3)
    assert positions.number(2).count == 2
    assert positions_of(engine) == [1, 2, None]
    assert positions.number(2).count == 1
    assert positions_of(engine) == [1, 2, 3]


def test_positions_go_on_where_they_were_though_the_rows_are_gone(engine, store, positions):
    emit(store, 1, 2, 3)
    positions.number(100)
    with engine.begin() as connection:
        connection.execute(delete(t.outbox))
    emit(store, 4)
    Positions(engine).number(100)
    assert positions_of(engine) == [4]


def test_several_who_number_at_once_give_no_position_twice(engine, store):
    def story(number):
        emit(store, number)
        Positions(engine).number(100)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(story, range(20)))
    Positions(engine).number(100)
    assert sorted(positions_of(engine)) == list(range(1, 21))


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
    ticks = len(rows(engine, select(t.tick)))
    assert 6 <= ticks <= 8
    for _ in range(30):
        positions.number(100)
        clock.now += 1
    assert len(rows(engine, select(t.tick))) <= ticks + 1


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


def gaps(engine):
    return rows(engine, select(t.numbering.c.gaps).where(t.numbering.c.stream == "outbox"))[0][0]


@contextmanager
def under_way(engine, *sequences):
    """A transaction that has written messages; it commits, or rolls back when the block raises."""
    with writing(engine) as connection:
        unit = SqlUnit(connection, frozenset())
        unit.resources.emit([message("case/2", sequence) for sequence in sequences])
        connection.execute(select(t.outbox.c.row)).all()
        yield


def test_what_is_committed_late_is_numbered_late_and_by_who_leads_then(postgres_url):
    engine = connect(postgres_url)
    store, first = SqlStore(engine), Positions(engine)
    with under_way(engine, 1, 2):
        emit(store, 1)
        with under_way(engine, 3):
            emit(store, 2)
            assert first.number(100).count == 2
            assert gaps(engine) == "[[1,2],[4,4]]"
            assert positions_of(engine) == [1, 2]
        assert Positions(engine).number(100).count == 1
    emit(store, 3)
    numbered = Positions(engine).number(100)
    assert [row.position for row in numbered.messages] == [4, 5, 6]
    assert positions_of(engine) == [4, 5, 1, 3, 2, 6]
    assert gaps(engine) == "[]"
    engine.dispose()


def test_a_limit_within_what_is_late_lets_nothing_overtake_the_rest_of_it(postgres_url):
    engine = connect(postgres_url)
    store, positions = SqlStore(engine), Positions(engine)
    with under_way(engine, 1, 2, 3):
        emit(store, 1)
        positions.number(100)
    emit(store, 2)
    assert [positions.number(2).count for _ in range(3)] == [2, 2, 0]
    assert positions_of(engine) == [2, 3, 4, 1, 5]
    engine.dispose()


def test_what_is_rolled_back_is_given_up_once_nobody_can_fill_it(postgres_url, clock):
    engine = connect(postgres_url)
    store, positions = SqlStore(engine), Positions(engine, clock)

    def looked():
        clock.now += ASK_SECONDS
        positions.number(100)
        return gaps(engine)

    with under_way(engine, 1):
        with suppress(ZeroDivisionError), under_way(engine, 2):
            emit(store, 1)
            assert looked() == "[[1,2]]"
            raise ZeroDivisionError
        assert [looked() for _ in range(5)] == ["[[1,2]]"] * 5
        with under_way(engine, 3):
            emit(store, 2)
            assert looked() == "[[1,2],[4,4]]"
        # who wrote the first row is under way still
        assert [looked() for _ in range(5)] == ["[[1,2]]"] * 5
    assert [looked() for _ in range(3)][-1] == "[]"
    assert sorted(positions_of(engine)) == [1, 2, 3, 4]
    engine.dispose()


def test_an_erased_version_before_its_number_leaves_no_gap_that_stays(engine, store, clock):
    positions = Positions(engine, clock)
    store.transact(lambda unit: unit.resources.write([version("case", f"p{n}") for n in (1, 2, 3)]))
    with engine.begin() as connection:
        connection.execute(delete(t.history).where(t.history.c.id == "p2"))
    for _ in range(4):
        positions.number(100)
        clock.now += ASK_SECONDS
    assert positions_of(engine, "history") == [1, 2]
    assert rows(engine, select(t.numbering.c.gaps).distinct()) == [("[]",)]


def test_a_row_that_takes_the_place_of_one_that_is_gone_is_numbered(engine, store, positions):
    """SQLite would give its number again."""
    emit(store, 1, 2)
    positions.number(100)
    with engine.begin() as connection:
        connection.execute(delete(t.outbox).where(t.outbox.c.sequence == 2))
    emit(store, 3)
    assert [row.position for row in positions.number(100).messages] == [3]


@given_by(st.lists(st.sets(st.integers(1, 60)), max_size=6), st.integers(0, 40))
def test_gaps_are_what_has_not_been_seen_up_to_the_last_that_was(looks, limit):
    """Rows come in as they are committed; a look takes what is new, up to a limit, in order."""
    seen, last, missing, numbered = set(), 0, [], []
    for committed in looks:
        seen |= committed
        new = sorted(row for row in seen - set(numbered))[: limit + 1]
        missing = gaps_after(missing, last, new)
        last = max([last, *new])
        numbered += new
        expected = set(range(1, last + 1)) - set(numbered)
        assert {row for first, end in missing for row in range(first, end + 1)} == expected
    for run in (runs := runs_of(numbered, 0)):
        assert numbered[run.position - 1 : run.position - 1 + run.length] == list(
            range(run.row, run.row + run.length)
        )
    assert sum(run.length for run in runs) == len(numbered)
