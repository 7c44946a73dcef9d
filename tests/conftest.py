"""What tests of several rooms ask for by name; no server is started for a test that asks for none."""

import contextlib
import itertools
import os
import shutil

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import make_url

from service.settings import Settings
from service.store.schema import upgrade
from service.store.sql.engine import connect
from service.wiring import compiled
from tests import servers

# nothing depends on how fast the machine makes an example, or tries it
settings.register_profile(
    "any-machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def mappings():
    """The mappings of the repository, compiled."""
    return compiled.catalogues(Settings.from_env({}))


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


@contextlib.contextmanager
def database_on(server, *template):
    """The URL of a database of a PostgreSQL server, as long as it is needed."""
    name = f"casebridge_test_{os.getpid()}_{next(NUMBERS)}"
    yield server.create_database(name, *template)
    server.drop_database(name)


@pytest.fixture
def empty_postgres_url(postgres_server):
    """The SQLAlchemy URL of an empty database on PostgreSQL."""
    with database_on(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_model(postgres_server):
    """The name of a database with today's schema that others are copies of: the migrations run once."""
    with database_on(postgres_server) as url:
        migrate(url)
        yield make_url(url).database


@pytest.fixture
def postgres_url(postgres_server, postgres_model):
    """The SQLAlchemy URL of a database on PostgreSQL that holds nothing but today's schema."""
    with database_on(postgres_server, postgres_model) as url:
        yield url


@pytest.fixture
def empty_sqlite_url(tmp_path):
    """The SQLAlchemy URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'casebridge.db'}"


@pytest.fixture(scope="session")
def sqlite_model(tmp_path_factory):
    """An SQLite file with today's schema that others are copies of."""
    path = tmp_path_factory.mktemp("sqlite") / "model.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(empty_sqlite_url, sqlite_model):
    """The SQLAlchemy URL of an SQLite file that holds nothing but today's schema."""
    shutil.copyfile(sqlite_model, make_url(empty_sqlite_url).database)
    return empty_sqlite_url


def migrate(url):
    """Run the migrations, and leave no connection and no log of SQLite's behind."""
    engine = connect(url)
    upgrade(engine)
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    """Each of the two databases in turn, with nothing but today's schema."""
    return request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request):
    """Each of the two databases in turn: an empty one."""
    names = {"sqlite": "empty_sqlite_url", "postgresql": "empty_postgres_url"}
    return request.getfixturevalue(names[request.param])


@pytest.fixture
def amqp_url(rabbitmq_server):
    """The AMQP URL of an empty virtual host."""
    return rabbitmq_server.create_vhost()
