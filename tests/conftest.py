"""What tests of several rooms ask for by name; no server is started for a test that asks for none."""

import contextlib
import itertools
import os

import pytest

from service import wiring
from service.settings import Settings
from tests import servers

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def mappings():
    """The mappings of the repository, compiled."""
    return wiring.catalogues(Settings.from_env({}))


@contextlib.contextmanager
def running(server):
    """The server, started; when it cannot be found or installed, that one line ends the run."""
    with contextlib.ExitStack() as stack:
        try:
            started = stack.enter_context(server())
        except SystemExit as missing:
            pytest.exit(str(missing), returncode=2)
        yield started


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL server for the whole run."""
    with running(servers.postgres) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_server():
    """A RabbitMQ broker for the whole run."""
    with running(servers.rabbit) as server:
        yield server


@pytest.fixture(scope="session")
def killable_postgres():
    """A PostgreSQL server of our own, that a test may kill and restart."""
    with running(servers.PostgresServer) as server:
        yield server


@pytest.fixture(scope="session")
def killable_rabbitmq():
    """A RabbitMQ broker of our own, that a test may kill and restart."""
    with running(servers.RabbitServer) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server):
    """The SQLAlchemy URL of an empty database on PostgreSQL."""
    name = f"casebridge_test_{os.getpid()}_{next(NUMBERS)}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path):
    """The SQLAlchemy URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'casebridge.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    """Each of the two databases in turn: an empty one."""
    return request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])


@pytest.fixture
def amqp_url(rabbitmq_server):
    """The AMQP URL of an empty virtual host."""
    return rabbitmq_server.create_vhost()
