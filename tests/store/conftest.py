"""A store on a fresh database, SQLite and PostgreSQL alike."""

import pytest

from service.store.migrations.schema import upgrade
from service.store.sql.engine import connect
from service.store.store import SqlStore

CPR = "urn:oid:1.2.208.176.1.2"


@pytest.fixture
def engine(database_url):
    engine = connect(database_url)
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine):
    return SqlStore(engine, identifying=frozenset({CPR}))
