"""What goes wrong in the database is told as what it is: away, taken, or a bug of ours."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, ProgrammingError

from service.errors import Conflict, Stale, Unavailable
from service.store.migrations import schema
from service.store.relay.outbox import Outbox
from service.store.sql.engine import connect, writing
from service.store.store import SqlStore
from service.values.access.scope import Scope
from service.values.kept.resources import HistoryQuery, Query
from tests.server_process import free_port
from tests.store.made import document, message

ALL = Scope(everything=True)
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def nobody():
    """An engine on a port where nobody listens."""
    engine = connect(f"postgresql://casebridge@127.0.0.1:{free_port()}/none")
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.document(ALL, "case", "cms", "c1"),
        lambda store: store.documents(ALL, "case"),
        lambda store: store.revisions(ALL, "c1"),
        lambda store: store.resource(ALL, "CarePlan", "p1"),
        lambda store: store.history(ALL, HistoryQuery(("CarePlan",), "p1")),
        lambda store: store.search(ALL, Query("CarePlan")),
        lambda store: store.events(ALL, 0, 10),
        lambda store: store.transact(lambda unit: unit.resources.emit([message("case/1", 1)])),
    ],
)
def test_reads_and_writes_say_that_the_database_does_not_answer(nobody, ask):
    with pytest.raises(Unavailable, match="does not answer"):
        ask(SqlStore(nobody))


def test_the_outbox_and_the_schemas_check_say_so_too(nobody):
    outbox = Outbox(nobody)
    for ask in (outbox.lead, outbox.number, outbox.backlog, lambda: schema.check(nobody)):
        with pytest.raises(Unavailable, match="does not answer"):
            ask()


def test_a_file_that_cannot_be_opened_is_a_database_that_does_not_answer(tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/nowhere/casebridge.db")
    with pytest.raises(Unavailable, match="does not answer"):
        Outbox(engine).backlog()


def test_a_transaction_in_the_way_is_waited_for_and_then_told(engine, database_url, monkeypatch):
    monkeypatch.setattr("service.store.store.PATIENCE", 0.2)
    sqlite = engine.dialect.name == "sqlite"
    # what the URL says of deadlines goes before ours
    impatient = connect(database_url if sqlite else f"{database_url}?options=-c%20lock_timeout%3D1ms")
    if sqlite:
        event.listen(impatient, "connect", lambda file, _: file.execute("PRAGMA busy_timeout=1"))
    tried = []

    def story(unit):
        tried.append(unit)
        unit.resources.emit([message("case/1", 1)])

    with writing(engine) as other:
        assert (
            other.execute(text("UPDATE outbox SET state = state" if sqlite else "LOCK TABLE outbox")).rowcount
            == 0
        )
        with pytest.raises(Unavailable, match="too busy"):
            SqlStore(impatient).transact(story)
    assert sqlite or len(tried) > 1
    impatient.dispose()


def test_a_value_too_long_for_its_column_is_a_bug_and_no_silence_of_the_database(postgres_url):
    engine = connect(postgres_url)
    schema.upgrade(engine)
    with pytest.raises(DataError):
        SqlStore(engine).transact(
            lambda unit: unit.resources.emit([replace(message("case/1", 1), routing_key="x" * 101)])
        )
    engine.dispose()


def test_a_missing_table_is_a_bug(empty_database_url):
    engine = connect(empty_database_url)
    with pytest.raises((ProgrammingError, OperationalError), match="numbering"):
        Outbox(engine).backlog()
    engine.dispose()


def test_what_may_not_be_null_is_a_bug_and_no_conflict(engine, store):
    with pytest.raises(IntegrityError):
        store.transact(lambda unit: unit.resources.emit([replace(message("case/1", 1), owner=None)]))
    store.transact(lambda unit: unit.documents.add(document(), cause="create", partner="cms"))
    with pytest.raises(Conflict):
        store.transact(lambda unit: unit.documents.add(document(), cause="create", partner="cms"))


def test_a_connection_cut_in_the_middle_is_told_and_the_next_is_new(postgres_url):
    engine, other = connect(postgres_url), connect(postgres_url)
    schema.upgrade(engine)
    store = SqlStore(engine)

    def cut(unit):
        unit.resources.emit([message("case/1", 1)])
        with other.connect() as connection:
            connection.execute(text(CUT))
        unit.resources.emit([message("case/1", 2)])

    with pytest.raises(Unavailable, match="does not answer"):
        store.transact(cut)
    assert Outbox(engine).backlog() == 0
    store.transact(lambda unit: unit.resources.emit([message("case/1", 1)]))
    assert Outbox(engine).backlog() == 1
    engine.dispose()
    other.dispose()


def cut_all(engine):
    """End every other session of the database, and return when none is left."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        while connection.execute(text(CUT)).all():
            time.sleep(0.01)


def test_connections_cut_while_nobody_used_them_are_replaced_unnoticed(postgres_url):
    engine, other = connect(postgres_url), connect(postgres_url)
    schema.upgrade(engine)
    store = SqlStore(engine)
    assert store.search(ALL, Query("CarePlan")).total == 0
    cut_all(other)
    assert store.search(ALL, Query("CarePlan")).total == 0
    store.transact(lambda unit: unit.resources.emit([message("case/1", 1)]))
    cut_all(other)
    store.transact(lambda unit: unit.resources.emit([message("case/1", 2)]))
    assert Outbox(engine).backlog() == 2
    engine.dispose()
    other.dispose()


def test_what_a_change_breaks_is_told_before_it_ends_and_nothing_of_it_is_stored(store):
    with pytest.raises(Conflict):
        store.transact(
            lambda unit: [unit.documents.add(twin, cause="test", partner="cms") for twin in twins()]
        )
    assert store.document(ALL, "client", "cms", "river") is None
    (river, _) = twins()
    store.transact(lambda unit: unit.documents.add(river, cause="test", partner="cms"))
    assert store.document(ALL, "client", "cms", "river") is not None


def test_a_story_that_ends_after_something_broke_stores_and_logs_nothing(store, caplog):
    def story(unit):
        for twin in twins():
            unit.documents.add(twin, cause="test", partner="cms")
        raise Stale("The story's own.")

    with pytest.raises((Stale, Conflict)):
        store.transact(story)
    assert store.document(ALL, "client", "cms", "river") is None
    assert caplog.text == ""


def twins():
    """Two documents of which the second takes the first one's name."""
    river = document()
    return river, replace(document(), source_id=river.source_id)
