"""A PostgreSQL server that says nothing: nobody waits for it long, and all goes on when it speaks again."""

import contextlib

import pytest
from sqlalchemy import text

from service.errors import Unavailable
from service.store.sql import postgresql, silence
from service.store.sql.engine import connect, reading, writing
from tests.faults.house import until


@pytest.fixture
def impatient(killable_postgres, monkeypatch):
    """An engine that waits for as little as may be."""
    monkeypatch.setattr(silence, "SILENCE", 0.3)
    monkeypatch.setattr(silence, "ANSWER", 2)
    monkeypatch.setattr(silence, "PAUSE", 0.2)
    engine = connect(f"{killable_postgres.url}?connect_timeout=2")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS heard (word text)"))
    yield engine
    engine.dispose()


@pytest.fixture
def connects(monkeypatch):
    """How often a connection was asked for."""
    connections, real = [], silence.Heard.connect

    def counted(*arguments, **more):
        connections.append(arguments)
        return real(*arguments, **more)

    monkeypatch.setattr(silence.Heard, "connect", counted)
    return connections


def speaks(engine):
    with contextlib.suppress(Unavailable):
        return words(engine) is not None


def words(engine):
    with reading(engine) as connection:
        return connection.execute(text("SELECT word FROM heard")).scalars()


def test_a_read_and_a_transaction_under_way_are_told_so(impatient, killable_postgres):
    with contextlib.ExitStack() as stack:
        with pytest.raises(Unavailable, match="does not answer"):
            write(impatient, lambda: stack.enter_context(killable_postgres.frozen()))
        with pytest.raises(Unavailable, match="does not answer"):
            words(impatient)
    until(lambda: speaks(impatient), "it is not asked again")
    assert "lost" not in words(impatient)


def write(engine, meanwhile):
    """A transaction, in which something happens."""
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO heard VALUES ('lost')"))
        connection.execute(text("SELECT 1")).all()
        meanwhile()
        connection.execute(text("SELECT 1")).all()


def test_once_it_is_known_nobody_else_waits(impatient, killable_postgres, connects):
    words(impatient)
    with killable_postgres.frozen():
        with pytest.raises(Unavailable):
            words(impatient)
        before = len(connects)
        for _ in range(20):
            with pytest.raises(Unavailable):
                words(impatient)
        assert len(connects) - before <= 1
    until(lambda: speaks(impatient), "it is not asked again")


def test_a_statement_that_takes_long_is_waited_for_while_the_server_answers(impatient):
    with reading(impatient) as connection:
        assert connection.execute(text("SELECT pg_sleep(1.2), 'done'")).one()[1] == "done"


def test_but_not_past_what_the_server_gives_it(impatient, killable_postgres, monkeypatch):
    monkeypatch.setattr(postgresql, "LIMIT", 0.5)
    hasty = connect(killable_postgres.url)
    with pytest.raises(Unavailable, match="does not answer"), reading(hasty) as connection:
        connection.execute(text("SELECT pg_sleep(30)")).all()
    assert words(hasty) is not None
    hasty.dispose()
