"""What tests of several rooms ask for by name; no server is started for a test that asks for none."""

import contextlib
import gc
import itertools
import os
import shutil
import sqlite3
from copy import deepcopy
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, event, make_url

from service.settings import Settings
from service.store.migrations.schema import upgrade
from service.store.sql.engine import connect
from service.wire.contracts import configured
from service.wiring import compiled
from tests import servers
from tests.databases import Lent
from tests.pooler import PgBouncer

# nothing depends on how fast the machine makes an example, or tries it
settings.register_profile(
    "any-machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")

DATABASE_NAMES = (f"casebridge_test_{os.getpid()}_{number}" for number in itertools.count(1))


# rounds of the garbage collector through all mappings and tests took a fifth of the run
gc.set_threshold(20_000, 10, 10)


def pytest_collection_finish():
    """Leave out of them what is there for the whole run."""
    gc.freeze()


def files_of(folder):
    """What stands for all that a folder of mappings says."""
    paths = sorted(folder.rglob("*"))
    files = [(path.relative_to(folder), path.suffix == ".yaml" and path.read_bytes()) for path in paths]
    return sha256(repr(files).encode()).digest()


def once_each_stack(load):
    """What compiles mappings, but the same files with the same overlays once a run."""
    own = Settings.from_env({}).mappings  # nothing changes these while tests run
    known = {}

    def load_once(folder, **settings_):
        files = folder if folder == own else files_of(folder)
        key = (files, settings_.get("direction"), settings_.get("view"), tuple(settings_["overlays"]))
        if key not in known:
            known[key] = load(folder, **settings_)
            gc.freeze()
        return known[key]

    return load_once


compiled.load = once_each_stack(compiled.load)


def once_each_file(load):
    """What loads files that configure us, but the same bytes by the same schema once a run."""
    known = {}

    def load_once(schema, path, what):
        key = (type(schema), path, path.is_file() and path.read_bytes())
        if key not in known:
            known[key] = load(schema, path, what)
        return deepcopy(known[key])

    return load_once


configured.load = once_each_file(configured.load)


@event.listens_for(Engine, "checkout")
def do_not_wait_for_the_disk(connection, _record, _proxy):
    """Nobody cuts the power of this process; those that are killed set their own engines up."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")


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


@pytest.fixture(scope="session")
def pooler(killable_postgres):
    """A pooler of transactions before the server of our own; a test may kill and restart it."""
    with running(lambda: PgBouncer(killable_postgres)) as between:
        yield between


@contextlib.contextmanager
def database_on(server, *template):
    """The URL of a database of a PostgreSQL server, as long as it is needed."""
    name = next(DATABASE_NAMES)
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


@pytest.fixture(scope="session")
def lent_database(postgres_server, postgres_model):
    """A database on PostgreSQL that tests use one after the other."""
    return Lent(postgres_server, postgres_model, DATABASE_NAMES)


@pytest.fixture
def postgres_url(lent_database):
    """The SQLAlchemy URL of a database on PostgreSQL that holds nothing but today's schema."""
    with lent_database.lend() as url:
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
    with rabbitmq_server.lend_vhost() as url:
        yield url
