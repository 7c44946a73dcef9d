"""A transaction on PostgreSQL as one stream of statements."""

import subprocess
import sys
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import bindparam, delete, func, insert, make_url, select, text
from sqlalchemy.exc import InternalError

from service.errors import Conflict, Unavailable
from service.store import tables as t
from service.store.migrations.schema import upgrade
from service.store.rows import statements as q
from service.store.search.conditions import PLANNED_ONCE
from service.store.sql import stream
from service.store.sql.engine import connect, reading, writing
from service.store.sql.failures import Busy
from service.store.store import SqlStore
from service.values.access.scope import Scope
from service.values.criteria import HasTerm
from service.values.kept.resources import Query

KEEP = insert(t.secret)
NAMES = select(t.secret.c.name).order_by(t.secret.c.name)
AMONG = NAMES.where(t.secret.c.name.in_(bindparam("names", expanding=True)))


@pytest.fixture
def engine(postgres_url):
    """An engine that has one connection."""
    engine = connect(postgres_url)
    upgrade(engine)
    yield engine
    engine.dispose()


def rows(*names):
    return [{"name": name, "value": name.encode()} for name in names]


def names(engine):
    with reading(engine) as connection:
        return connection.execute(NAMES).scalars()


def test_what_is_sent_for_many_rows_is_counted_together(engine):
    with writing(engine) as stream:
        for more in ("a", "b", "c"):
            assert stream.execute(KEEP, rows(more, f"{more}{more}")).rowcount == 2
        assert stream.execute(delete(t.secret).where(t.secret.c.name < "b")).rowcount == 2
        assert stream.execute(NAMES).scalars() == ["b", "bb", "c", "cc"]
        assert stream.execute(select(t.secret).where(t.secret.c.name == "b")).one().value == b"b"


def entry(number, **more):
    """Return a row of the inbox, which has columns of each type that there is."""
    at = datetime(2026, 3, number, 9, 30, 15, 250_000, UTC)
    named = dict.fromkeys(("partner", "form", "way", "media_type", "content", "state"), "a")
    row = {"id": f"entry-{number}", "arrived_on": at.date(), "arrived": at, **named}
    return {**row, "raw": None, "reason": "", "answer_status": None, "flagged": False, **more}


def test_many_rows_are_inserted_at_once_as_they_would_be_one_by_one(engine):
    written = [
        entry(1, raw=b"\x00\xff{}", partner='"Klinik, Süd" \\ {NULL}', answer_status=-1),
        entry(2, raw=b"", reason="NULL", flagged=True, answer_status=200),
        entry(3, arrived_on=date(1999, 12, 31), partner="\N{FACE WITH TEARS OF JOY}"),
    ]
    with writing(engine) as stream:
        assert stream.execute(q.INSERT[t.inbox], written).rowcount == 3
        chosen = select(*(t.inbox.c[name] for name in written[0])).order_by(t.inbox.c.id)
        assert [row._asdict() for row in stream.execute(chosen).all()] == written


def test_rows_inserted_at_once_are_numbered_in_their_order(engine):
    base = {"view": "default", "type": "Patient", "id": "p1", "client": None, "parameter": "family"}
    written = [{**base, "value": f"{number:03}"} for number in range(300)]
    with writing(engine) as stream:
        stream.execute(q.INSERT[t.strings], written)
        values = stream.execute(select(t.strings.c.value).order_by(t.strings.c.row)).scalars()
    assert values == [row["value"] for row in written]


def test_arrays_inserted_at_once_are_each_rows_own(engine):
    base = {"view": "default", "type": "Patient", "version": 1, "owner": "o", "client": None, "digest": ""}
    base |= {"body": b"{}", "mapping_version": "", "last_updated": datetime(2026, 3, 1, tzinfo=UTC)}
    terms = {"p1": [1, -(2**63)], "p2": [], "p3": [2**63 - 1]}
    with writing(engine) as stream:
        rows = [{**base, "id": id_, "terms": ",".join(map(str, of))} for id_, of in terms.items()]
        stream.execute(q.INSERT[t.resource], rows)
        kept = stream.execute(select(t.resource.c.id, t.resource.c.terms)).all()
    assert dict(kept) == terms


def test_one_row_at_once_that_is_taken_or_too_long_refuses_all_of_them(engine):
    with pytest.raises(Conflict), writing(engine) as stream:
        stream.execute(q.INSERT[t.secret], rows("a", "b", "a"))
    with pytest.raises(Exception, match="too long"), writing(engine) as stream:
        stream.execute(q.INSERT[t.secret], rows("a", "b" * 41))
    assert names(engine) == []


@pytest.mark.parametrize("asked", [["a", "c"], ("c", "a"), {"a", "c", "x"}, []])
def test_how_many_values_an_in_has_makes_no_other_statement(engine, asked):
    literally = NAMES.where(t.secret.c.name.in_(list(asked)))
    with writing(engine) as stream:
        stream.execute(KEEP, rows("a", "b", "c"))
        expected = sorted(set("abc") & set(asked))
        for _ in range(3):
            assert stream.execute(AMONG, {"names": asked}).scalars() == expected
            assert stream.execute(literally).scalars() == expected


def test_a_value_longer_than_its_column_is_among_none_cut_to_its_length(engine):
    long = "x" * 40
    with writing(engine) as stream:
        stream.execute(KEEP, rows(long))
        assert stream.execute(AMONG, {"names": [f"{long}y"]}).all() == []


def send(engine, *batches, then=None):
    """Send rows, a statement for each batch, in one transaction; and do something more in it."""
    with writing(engine) as stream:
        for batch in batches:
            stream.execute(KEEP, rows(*batch))
        if then is not None:
            then(stream)


def end(_stream):
    raise ZeroDivisionError


def go_on(stream):
    """Take no notice of what has failed."""
    with pytest.raises(Exception, match="duplicate"):
        stream.wait()


def look_twice(stream):
    """Look for an answer again that is not there."""
    answer = stream.execute(NAMES)
    with pytest.raises(Exception, match="duplicate"):
        answer.all()
    answer.all()


def test_what_was_sent_before_an_error_is_undone_and_its_connection_used_again(engine):
    for _ in range(3):
        with pytest.raises(Conflict):
            send(engine, "a", "bb", "c")
        with pytest.raises(ZeroDivisionError):
            send(engine, "d", then=end)
        assert names(engine) == []
        assert engine.pool.checkedin() == 1
    send(engine, "e")
    assert names(engine) == ["e"]


def test_a_story_that_goes_on_after_an_error_is_told_that_nothing_is_stored(engine):
    with pytest.raises(InternalError, match="rolled back"):
        send(engine, "aa", then=go_on)
    assert names(engine) == []


def test_an_answer_that_never_came_is_not_taken_for_an_empty_one(engine):
    with pytest.raises(InternalError, match="not executed"):
        send(engine, "aa", then=look_twice)


def test_statements_dropped_behind_our_back_are_prepared_anew(engine):
    for name in "ab":
        send(engine, name)
    with reading(engine) as connection:
        assert connection.execute(text("DEALLOCATE ALL")).status == b"DEALLOCATE ALL"
    with pytest.raises(Busy):
        send(engine, "c")
    send(engine, "c")
    assert names(engine) == ["a", "b", "c"]


SAID = """
import sys
from datetime import UTC, datetime

from sqlalchemy import text
from service.store.sql.engine import connect, reading
asked = text("SELECT name FROM pg_prepared_statements")
with reading(connect(sys.argv[1])) as stream:
    for _ in range(2):
        names = stream.execute(asked).scalars()
print(*names)
"""


def test_no_two_processes_prepare_by_the_same_name(postgres_url):
    said = [
        subprocess.run([sys.executable, "-c", SAID, postgres_url], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    one, other = (set(process.stdout.split()) for process in said)
    assert one
    assert other
    assert not one & other


def test_a_search_by_many_parameters_is_not_prepared(engine):
    store = SqlStore(engine)
    for count in (2, 20):
        asked = tuple(HasTerm((str(number),), is_narrow=True) for number in range(count))
        for _ in range(2):
            store.search(Scope(everything=True), Query("CarePlan", asked, with_total=False))
    like = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%resource.terms &&%'")
    with reading(engine) as connection:
        assert connection.execute(like).scalar_one() == 1


def test_a_connection_on_which_too_much_is_prepared_is_replaced(engine, monkeypatch):
    monkeypatch.setattr(stream, "MOST", 5)
    counts = []
    for number in range(12):
        another = NAMES.where(*[t.secret.c.name != "x"] * number)
        with reading(engine) as connection:
            for _ in range(2):
                assert connection.execute(another).all() == []
            counted = connection.execute(text("SELECT count(*) FROM pg_prepared_statements"))
            counts.append(counted.scalar_one())
    assert max(counts) == 5


def test_what_a_migration_changes_is_prepared_anew(engine):
    for name in "ab":
        send(engine, name)
        names(engine)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE secret ALTER COLUMN name TYPE text"))
    with pytest.raises(Busy):
        names(engine)
    send(engine, "c")
    assert names(engine) == ["a", "b", "c"]


@pytest.mark.parametrize("ending", ["closed", "rolled back"])
def test_what_is_prepared_outlives_a_rollback_of_psycopg_on_the_same_connection(engine, ending):
    for name in "abcdefg":
        with writing(engine) as stream:
            stream.execute(KEEP, rows(name))
        with engine.connect() as connection:
            # psycopg prepares what comes again, and deallocates all when it rolls back
            for _ in range(8):
                connection.execute(NAMES).all()
            if ending == "rolled back":
                connection.rollback()
    assert names(engine) == list("abcdefg")


def test_what_is_planned_once_never_is_for_its_values_and_what_comes_after_it_may_be(engine):
    once = AMONG.execution_options(setting=PLANNED_ONCE)
    for _ in range(3):
        with reading(engine) as connection:
            assert connection.execute(once, {"names": ["a"]}).all() == []
    plans = text("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE :like")
    with reading(engine) as connection:
        # the first time it was not prepared
        assert connection.execute(plans, {"like": "%ANY%"}).all() == [(2, 0)]
        assert connection.execute(text("SHOW plan_cache_mode")).scalar() == "auto"


def test_what_comes_back_to_a_pool_that_was_given_up_is_closed(engine):
    with reading(engine) as connection:
        connection.execute(NAMES).all()
        driver = connection._driver
        engine.dispose()
    assert driver.closed
    with reading(engine) as connection:
        driver = connection._driver
        connection.execute(NAMES).all()
    assert not driver.closed


def test_as_often_as_the_server_ends_a_connection_it_is_replaced(engine, postgres_url):
    other = connect(postgres_url)
    mine, end = select(func.pg_backend_pid()), select(func.pg_terminate_backend(bindparam("pid"), 5_000))
    ended = set()
    # more often than the pool has connections
    for _ in range(25):
        with reading(engine) as connection:
            ended.add(pid := connection.execute(mine).scalar())
        with reading(other) as connection:
            assert connection.execute(end, {"pid": pid}).scalar()
    other.dispose()
    assert len(ended) == 25
    assert names(engine) == []
    assert engine.pool.checkedout() == 0


def test_what_cannot_be_replaced_takes_no_place_of_the_pool(engine, postgres_url):
    url = make_url(postgres_url)
    admin = connect(url.set(database="postgres").render_as_string(hide_password=False))
    allow = f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS '
    ended = text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :name")
    assert names(engine) == []
    with reading(admin) as connection:
        connection.execute(text(allow + "false")).all()
        assert connection.execute(ended, {"name": url.database}).scalars() == [True]
    for _ in range(3):
        with pytest.raises(Unavailable), reading(engine):
            pass
    with reading(admin) as connection:
        connection.execute(text(allow + "true")).all()
    admin.dispose()
    assert names(engine) == []
    assert engine.pool.checkedout() == 0
