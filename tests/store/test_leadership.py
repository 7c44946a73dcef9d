"""One leads, the others stand by, on PostgreSQL and SQLite alike; who has lost it can do no harm."""

import contextlib
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
from service.store.relay.outbox import Outbox
from service.store.sql.engine import connect
from tests.store.made import message

CUT = (
    "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = "
)
LEADING = """
import sys, time
from service.store.sql.engine import connect
from service.store.relay import leadership
leadership.SECONDS = 1.0
held = leadership.lead(connect(sys.argv[1]))
assert held is not None
print("leading", flush=True)
time.sleep(600)
"""


def until_led(outbox, seconds=60.0):
    """Take leadership as soon as it is free."""
    deadline = time.monotonic() + seconds
    while (lease := outbox.lead()) is None:
        assert time.monotonic() < deadline, "nobody gave it up"
        time.sleep(0.05)
    return lease


def until_lost(lease, seconds=60.0):
    deadline = time.monotonic() + seconds
    while lease.is_held():
        assert time.monotonic() < deadline, "it is held for ever"
        time.sleep(0.05)


@pytest.fixture
def at_rest(monkeypatch):
    """Leases that are renewed by nobody, and soon over: as those of a process that is paused."""
    monkeypatch.setattr(leadership, "SECONDS", 0.5)
    monkeypatch.setattr(leadership, "RENEW_SECONDS", 3600.0)


def test_only_one_leads_until_it_gives_up(engine):
    first = lead(engine)
    assert first.is_held()
    assert lead(engine) is None
    first.close()
    assert not first.is_held()
    second = lead(engine)
    assert second.is_held()
    first.close()
    assert second.is_held()
    second.close()
    assert second.fence > first.fence


def test_a_process_that_is_killed_leads_no_longer_once_its_lease_is_over(engine, database_url):
    process = subprocess.Popen([sys.executable, "-c", LEADING, database_url], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"leading\n"
        assert lead(engine) is None
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    until_led(Outbox(engine)).close()


def test_who_lives_leads_on_past_the_end_of_the_first_lease(engine, monkeypatch):
    monkeypatch.setattr(leadership, "RENEW_SECONDS", 0.01)
    first = lead(engine)
    since = first._since
    while first._since == since:
        time.sleep(0.01)
    assert first.is_held()
    first.close()


@pytest.mark.usefixtures("at_rest")
def test_a_leader_that_slept_while_another_led_numbers_and_marks_nothing(engine, store):
    first, second = Outbox(engine), Outbox(engine)
    sleeper = until_led(first)
    store.transact(lambda unit: unit.resources.emit([message("case/1", 1), message("case/1", 2)]))
    until_lost(sleeper)
    successor = until_led(second)
    assert second.number(1) == 1
    for act in (
        lambda: first.number(1),
        lambda: first.mark([1], "published"),
        lambda: first.owe([(1, "harbor")]),
        lambda: first.pay("harbor", [1]),
        lambda: first.park(1, "no reason"),
    ):
        with pytest.raises(Unavailable, match="stands by"):
            act()
    sleeper.renew()
    assert not sleeper.is_held()
    assert [(row.position, second.backlog()) for row in second.pending(0, 10)] == [(1, 2)]
    for lease in (sleeper, successor):
        lease.close()


@pytest.mark.usefixtures("at_rest")
def test_who_is_late_but_has_no_successor_leads_on(engine):
    first = lead(engine)
    until_lost(first)
    first.renew()
    assert first.is_held()
    first.close()


def renewed(leadership):
    """The leadership, renewed as its thread does it: one that finds its session cut tries again."""
    for _ in range(5):
        with contextlib.suppress(Unavailable):
            leadership.renew()
            return leadership
    raise AssertionError("it cannot be renewed")


def test_sessions_that_are_cut_take_leadership_from_nobody(postgres_url):
    engine, other = connect(postgres_url), connect(postgres_url)
    first = lead(engine)
    with other.connect() as connection:
        connection.execute(text(f"{CUT} current_database()"))
    assert renewed(first).is_held()
    assert lead(other) is None
    first.close()
    for engine_ in (engine, other):
        engine_.dispose()


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_anew_takes_leadership_from_nobody(engine, monkeypatch, hours):
    first = lead(engine)
    now = time.time() + hours * 3600
    monkeypatch.setattr(time, "time", lambda: now)
    assert first.is_held()
    assert lead(engine) is None
    first.close()


def test_a_database_clock_that_is_set_back_by_an_hour_keeps_leadership_from_nobody(engine, monkeypatch):
    monkeypatch.setattr(leadership, "RENEW_SECONDS", 3600.0)
    killed = lead(engine)
    with engine.begin() as connection:
        # what it says then of a lease of before
        connection.execute(text("UPDATE lease SET expires = expires + 3600"))
    successor = lead(engine)
    assert successor.fence > killed.fence
    killed.close()
    assert lead(engine) is None
    successor.close()


def test_a_database_that_is_away_is_told(tmp_path):
    with pytest.raises(Unavailable):
        lead(connect(f"sqlite:///{tmp_path}/nowhere/casebridge.db"))
