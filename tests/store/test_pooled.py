"""Through a pooler of transactions: each may be executed on another session, which keeps nothing of it."""

import threading
import time

import psycopg
import pytest
from sqlalchemy import insert, make_url, select, text

from service.errors import Unavailable
from service.store import tables as t
from service.store.migrations.schema import check, upgrade
from service.store.rows import statements as q
from service.store.sql import silence, stream
from service.store.sql.engine import connect, reading, writing
from tests.pooler import SESSIONS

KEEP = insert(t.secret)
NAMES = select(t.secret.c.name).order_by(t.secret.c.name)
BOUNDS = text(
    "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('jit')"
)
PAUSED = text("SELECT current_setting('idle_in_transaction_session_timeout')")
ENDLESS = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
KEPT = (
    "SELECT (SELECT count(*) FROM pg_prepared_statements), current_setting('statement_timeout'),"
    " current_setting('lock_timeout'), current_setting('jit'), pg_backend_pid()"
)


@pytest.fixture(scope="module")
def direct_url(killable_postgres, pooler):
    """A database that was migrated through the pooler."""
    name = f"pooled_{time.time_ns()}"
    url = killable_postgres.create_database(name)
    engine = connect(pooler.url_of(url))
    upgrade(engine)
    check(engine)
    engine.dispose()
    yield url
    killable_postgres.drop_database(name)


@pytest.fixture
def pooled(direct_url, pooler):
    """An engine through the pooler, on a database without secrets."""
    engine = connect(pooler.url_of(direct_url), read_seconds=20)
    with writing(engine) as connection:
        connection.execute(t.secret.delete())
    yield engine
    engine.dispose()


def sessions(engine):
    """What is kept in the sessions that the pooler has of the server."""
    url = make_url(engine.url).set(drivername="postgresql").render_as_string()
    held = [psycopg.connect(url) for _ in range(SESSIONS)]
    try:
        # each is in a transaction, so each has a session to itself
        return [connection.execute(KEPT).fetchone() for connection in held]
    finally:
        for connection in held:
            connection.close()


def test_many_at_once_prepare_nothing_and_leave_no_setting(pooled):
    before = {row[:4] for row in sessions(pooled)}

    def work(name):
        for number in range(30):
            with writing(pooled) as connection:
                connection.execute(KEEP, {"name": f"{name}{number}", "value": b"1"})
                assert f"{name}{number}" in connection.execute(NAMES).scalars()
            with reading(pooled) as connection:
                assert connection.execute(NAMES).scalars().count(f"{name}{number}") == 1

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(pooled) as connection:
        assert len(connection.execute(NAMES).scalars()) == 8 * 30
    after = sessions(pooled)
    assert len({row[4] for row in after}) == SESSIONS
    assert {row[:4] for row in after} == before == {(0, "0", "0", "on")}


def test_many_rows_at_once_go_through(pooled):
    rows = [{"position": number} for number in range(1, 400)]
    for _ in range(3):
        with writing(pooled) as connection:
            assert connection.execute(q.INSERT[t.unpublished], rows).rowcount == len(rows)
            assert connection.execute(t.unpublished.delete()).rowcount == len(rows)


@pytest.mark.parametrize("is_pooled", [False, True])
def test_what_is_executed_is_bounded(pooled, direct_url, is_pooled):
    engine = pooled if is_pooled else connect(direct_url)
    bounds = ("1min", "30s", "off")
    with reading(engine) as connection:
        assert tuple(connection.execute(BOUNDS).one()) == bounds
        # a transaction of its own
        assert tuple(connection.execute(BOUNDS).one()) == bounds
    with writing(engine) as connection:
        assert tuple(connection.execute(BOUNDS).one()) == bounds
        assert tuple(connection.execute(BOUNDS).one()) == bounds
        assert connection.execute(PAUSED).scalar() == "1min"
    with engine.begin() as connection:
        assert tuple(connection.execute(BOUNDS).one()) == bounds
        assert connection.execute(PAUSED).scalar() == "1min"
    if engine is not pooled:
        engine.dispose()


@pytest.mark.parametrize("is_pooled", [False, True])
def test_the_server_itself_gives_up_what_takes_too_long(pooled, direct_url, is_pooled, monkeypatch):
    for module, name in ((stream, "OF_STATEMENT"), (stream, "OF_TRANSACTION"), (silence, "OF_SESSION")):
        monkeypatch.setattr(module, name, getattr(module, name).replace(b"'60s'", b"'200ms'"))
    # what its own reader has lasts for longer
    engine = pooled if is_pooled else connect(direct_url, read_seconds=20)
    for opened in (reading, writing):
        with pytest.raises(Unavailable, match="ask for less"), opened(engine) as connection:
            connection.execute(ENDLESS).scalar_one()
    if engine is not pooled:
        engine.dispose()


def test_what_takes_too_long_is_given_up_there_too(pooled, direct_url):
    impatient = connect(pooled.url.render_as_string(hide_password=False), read_seconds=0.3)
    with pytest.raises(Unavailable, match="ask for less"), reading(impatient) as connection:
        connection.execute(ENDLESS).scalar_one()
    impatient.dispose()
    with psycopg.connect(make_url(direct_url).set(drivername="postgresql").render_as_string()) as connection:
        running = (
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'WITH RECURSIVE%' AND state = 'active'"
        )
        assert connection.execute(running).fetchone() == (0,)


def write(engine, meanwhile):
    """A transaction, in which something happens."""
    with writing(engine) as connection:
        connection.execute(KEEP, {"name": "lost", "value": b"1"})
        assert connection.execute(NAMES).scalars() == ["lost"]
        meanwhile()
        connection.execute(NAMES).all()


def test_who_was_cut_off_by_the_pooler_goes_on_when_it_is_back(pooled, pooler):
    with pytest.raises(Unavailable):
        write(pooled, pooler.restart)
    with writing(pooled) as connection:
        connection.execute(KEEP, {"name": "kept", "value": b"1"})
    with reading(pooled) as connection:
        assert connection.execute(NAMES).scalars() == ["kept"]
