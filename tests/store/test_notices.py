"""Who commits messages gives notice to who listens, no more often than may be."""

import contextlib
import threading
import time

import pytest
from structlog.testing import capture_logs

from service.errors import Unavailable
from service.store.relay import notices
from service.store.relay.notices import Notices, listen
from service.store.sql.engine import connect
from service.store.store import SqlStore
from tests.publish.made import message, until


@contextlib.contextmanager
def listening(url):
    """Somebody who listens, and how often there was a notice."""
    stop, heard = threading.Event(), []
    thread = threading.Thread(target=listen, args=(url, lambda: heard.append(time.monotonic()), stop))
    thread.start()
    try:
        yield heard
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def store(postgres_url):
    engine = connect(postgres_url)
    yield SqlStore(engine, notify=Notices(engine).give)
    engine.dispose()


def emit(store, count=1):
    for number in range(1, count + 1):
        store.transact(lambda unit, number=number: unit.resources.emit([message("case/1", number)]))


def test_a_commit_with_messages_is_heard_of(store, postgres_url):
    with listening(postgres_url) as heard:
        # the first is of what was there before
        until(lambda: heard)
        emit(store)
        until(lambda: len(heard) == 2)


def test_a_commit_without_messages_or_one_that_failed_is_not(store, postgres_url):
    def fail(unit):
        unit.resources.emit([message()])
        raise Unavailable("It is rolled back.")

    with listening(postgres_url) as heard:
        until(lambda: heard)
        store.transact(lambda unit: unit.resources.emit([]))
        with pytest.raises(Unavailable):
            store.transact(fail)
        emit(store)
        until(lambda: len(heard) > 1)
    assert len(heard) == 2


def test_many_commits_make_few_notices_and_the_last_is_heard_of(store, postgres_url, monkeypatch):
    monkeypatch.setattr(notices, "PAUSE", 1.0)
    with listening(postgres_url) as heard:
        until(lambda: heard)
        emit(store)
        until(lambda: len(heard) == 2)
        emit(store, 30)
        last = time.monotonic()
        until(lambda: heard[-1] > last)
    # a commit takes some milliseconds: thirty do not fill as many pauses
    assert len(heard) < 20


def test_who_was_cut_off_listens_again(killable_postgres, tmp_path):
    url = killable_postgres.create_database(f"heard_{time.time_ns()}")
    with listening(url) as heard:
        until(lambda: heard)
        killable_postgres.restart()
        until(lambda: len(heard) > 1)


def test_through_a_pooler_nobody_listens_and_that_is_told(killable_postgres, pooler):
    url = pooler.url_of(killable_postgres.create_database(f"heard_{time.time_ns()}"))
    with capture_logs() as logs, listening(url) as heard:
        until(lambda: logs)
    assert [(entry["event"], entry["setting"]) for entry in logs] == [
        ("notices_not_heard_through_pooler", "CASEBRIDGE_LISTEN_URL")
    ]
    assert heard == []


def test_notices_go_through_a_pooler(killable_postgres, pooler):
    direct = killable_postgres.create_database(f"heard_{time.time_ns()}")
    engine = connect(pooler.url_of(direct))
    with listening(direct) as heard:
        until(lambda: heard)
        Notices(engine).give()
        until(lambda: len(heard) == 2)
    engine.dispose()
