"""What is read has a time; what takes longer is given up, in the database too, and tells what to do."""

import pytest
from sqlalchemy import text

from service.errors import Unavailable
from service.store.sql.engine import connect, reading, writing

ENDLESS = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
ONE = text("SELECT 1")


def number(connection, statement):
    return connection.execute(statement).scalar_one()


def test_what_takes_too_long_is_given_up_and_the_next_is_answered(database_url):
    engine = connect(database_url, read_seconds=0.3)
    for _ in range(2):
        with pytest.raises(Unavailable, match="ask for less"), reading(engine) as connection:
            number(connection, ENDLESS)
        with reading(engine) as connection:
            assert number(connection, ONE) == 1
    if engine.dialect.name == "postgresql":
        running = text(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%RECURSIVE%' AND state = 'active'"
        )
        with reading(engine) as connection:
            # itself
            assert number(connection, running) == 1
    engine.dispose()


def test_a_connection_that_was_read_on_has_all_the_time_to_write(database_url):
    """What is written is bounded by the locks it waits for, and by the server's own time for a statement."""
    engine = connect(database_url, read_seconds=0.001)
    with reading(engine) as connection:
        number(connection, ONE)
    long = text(str(ENDLESS).replace("FROM n)", "FROM n WHERE i < 300000)"))
    with writing(engine) as connection:
        assert number(connection, long) == 300_000
    engine.dispose()
