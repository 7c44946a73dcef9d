"""The tables that queries name are the tables that the migrations make."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from service.errors import Misconfigured, Unavailable
from service.store.migrations.schema import check, upgrade
from service.store.sql.engine import connect
from service.store.tables import metadata

# neither reads back an index on an expression, so nothing is said about that one
NOT_COMPARED = pytest.mark.filterwarnings("ignore:.*expression-based index")


def differences(engine):
    """What alembic would change, but for partitions, which no query names."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        changes = compare_metadata(context, metadata)
    # partitions are in no metadata, nor is that only one of the two has: a GIN index, a table for its terms
    unknown = ("_default", "resource_terms", "'search_term'")
    return [change for change in changes if not any(name in str(change) for name in unknown)]


@NOT_COMPARED
def test_the_migrations_make_what_the_queries_name(engine):
    assert [
        difference for difference in differences(engine) if "search_string_value" not in str(difference)
    ] == []


@NOT_COMPARED
def test_a_table_that_is_not_there_is_found(engine):
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE tick"))
    assert "tick" in str(differences(engine))


def test_a_database_of_a_later_release_is_not_upgraded(database_url):
    engine = connect(database_url)
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    for tried in (upgrade, check):
        with pytest.raises(Misconfigured, match="later"):
            tried(engine)
    engine.dispose()


def test_a_database_that_is_away_is_told(tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/none/casebridge.db")
    for tried in (upgrade, check):
        with pytest.raises(Unavailable):
            tried(engine)


@pytest.mark.parametrize("url", ["secret", "mysql://app:secret@127.0.0.1/x", "sqlite://app:secret@x:y/z"])
def test_an_address_of_no_database_of_ours_is_refused_and_not_quoted(url):
    with pytest.raises(
        Misconfigured, match="CASEBRIDGE_DATABASE_URL: Use a sqlite or postgresql URL"
    ) as raised:
        connect(url)
    assert "secret" not in f"{raised.value}{raised.value.__cause__}"


def test_many_upgrades_at_once_are_one(empty_database_url):
    engines = [connect(empty_database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, engines))
    for engine in engines:
        check(engine)
        engine.dispose()
