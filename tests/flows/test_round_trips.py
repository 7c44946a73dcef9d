"""How often a write waits for the database, which is what it takes where the database is some way off."""

import copy
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from service.store.engine import connect
from tests.flows import river
from tests.flows.conftest import House


@pytest.fixture
def engine(postgres_url):
    engine = connect(postgres_url)
    yield engine
    engine.dispose()


@contextmanager
def waits(engine):
    """Collect the statements whose rows are waited for; the others go along with the next of these."""
    found = []

    def executed(_connection, cursor, statement, _parameters, _context, _many):
        if cursor.description is not None:
            found.append(statement)

    event.listen(engine, "after_cursor_execute", executed)
    yield found
    event.remove(engine, "after_cursor_execute", executed)


def changed_goal():
    case = copy.deepcopy(river.CASE)
    case["plan"]["goals"][0]["status"] = "completed"
    return case


def test_a_write_waits_for_the_database_no_more_often_than_it_must(told: House):
    writes = {
        "the same again": (("case", "c1", river.CASE, 1), 2),
        "a changed goal": (("case", "c1", changed_goal(), 1), 5),
        "a new client": (("client", "robin", {**river.CLIENT, "identifiers": []}), 3),
        "a new case": (("case", "c2", {**river.CASE, "client": "robin", "identifiers": []}), 5),
    }
    for write, (given, most) in writes.items():
        with waits(told.engine) as found:
            told.put(*given)
        assert len(found) <= most, (write, found)
