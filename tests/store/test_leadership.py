"""One leads, the others stand by, on PostgreSQL and on an SQLite file; who has lost it, notices."""

import os
import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import text

from service.errors import Unavailable
from service.store.relay import leadership
from service.store.relay.leadership import lead
from service.store.sql.engine import connect

CUT = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = "
HERE = "(SELECT oid FROM pg_database WHERE datname = current_database())"
LEADING = """
import sys, time
from service.store.sql.engine import connect
from service.store.relay.leadership import lead
held = lead(connect(sys.argv[1]))
assert held is not None
print("leading", flush=True)
time.sleep(600)
"""


def until_led(engine, seconds=60.0):
    """Take leadership as soon as it is free."""
    deadline = time.monotonic() + seconds
    while (found := lead(engine)) is None:
        assert time.monotonic() < deadline, "nobody gave it up"
        time.sleep(0.05)
    return found


def test_only_one_leads_until_it_gives_up(engine):
    first = lead(engine)
    assert first.is_held()
    assert lead(engine) is None
    first.close()
    assert not first.is_held()
    second = lead(engine)
    assert second.is_held()
    second.close()


def test_a_process_that_is_killed_leads_no_longer(engine, database_url):
    process = subprocess.Popen([sys.executable, "-c", LEADING, database_url], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"leading\n"
        assert lead(engine) is None
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    until_led(engine).close()


def test_a_leader_whose_session_was_cut_notices_and_another_leads(postgres_url, monkeypatch):
    monkeypatch.setattr(leadership, "ASK_SECONDS", 0.0)
    engine, other = connect(postgres_url), connect(postgres_url)
    first = lead(engine)
    assert first.is_held()
    with other.connect() as connection:
        connection.execute(text(CUT + HERE))
    second = until_led(other)
    assert not first.is_held()
    assert second.is_held()
    first.close()
    assert second.is_held()
    second.close()
    engine.dispose()
    other.dispose()


def test_a_leader_whose_lock_is_gone_notices_though_its_session_lives(postgres_url, monkeypatch):
    monkeypatch.setattr(leadership, "ASK_SECONDS", 0.0)
    engine = connect(postgres_url)
    first = lead(engine)
    first._connection.execute(text("SELECT pg_advisory_unlock_all()"))
    assert not first.is_held()
    first.close()
    engine.dispose()


def test_a_leader_asks_at_most_once_a_second(postgres_url):
    engine = connect(postgres_url)
    first = lead(engine)
    first._connection.execute(text("SELECT pg_advisory_unlock_all()"))
    assert first.is_held()
    first._asked -= leadership.ASK_SECONDS
    assert not first.is_held()
    first.close()
    engine.dispose()


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_anew_takes_leadership_from_nobody(engine, monkeypatch, hours):
    monkeypatch.setattr(leadership, "ASK_SECONDS", 0.0)
    first = lead(engine)
    now = time.time() + hours * 3600
    monkeypatch.setattr(time, "time", lambda: now)
    assert first.is_held()
    assert lead(engine) is None
    assert first.is_held()
    first.close()


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Unavailable, match=r"casebridge\.db\.leader"):
        lead(connect(f"sqlite:///{tmp_path}/nowhere/casebridge.db"))
