"""Who serves is warned of a clock that is not the database's."""

from datetime import UTC, datetime, timedelta

import pytest

from service.store.sql.clock import BOUND, warnings
from service.store.sql.engine import connect


def warnings_of(url, by):
    engine = connect(url)
    warned = warnings(engine, lambda: datetime.now(UTC) + by)
    engine.dispose()
    return warned


@pytest.mark.parametrize(
    ("by", "how"), [(timedelta(hours=1), "ahead of"), (timedelta(days=-1), "behind")], ids=str
)
def test_a_clock_that_is_set_otherwise_is_warned_of(postgres_url, by, how):
    (warning,) = warnings_of(postgres_url, by)
    assert f"s {how} the database's" in warning
    assert "NTP" in warning


def test_a_clock_within_the_bound_is_not(postgres_url):
    assert warnings_of(postgres_url, BOUND / 2) == []
    assert warnings_of(postgres_url, -BOUND / 2) == []


def test_an_embedded_database_has_no_clock_of_its_own(sqlite_url):
    assert warnings_of(sqlite_url, timedelta(hours=1)) == []
