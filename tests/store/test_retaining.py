"""The worker lets go by itself what is older than settings say, and nothing where they say nothing."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from service.settings import Settings
from service.store import tables as t
from service.store.relay import positions
from service.store.relay.outbox import Outbox
from service.wiring import retaining
from tests.publish.made import until
from tests.store.made import message


class Inbox:
    """Counts for how long its entries and bytes are to be kept."""

    def __init__(self):
        self.kept = []

    def drop(self, after):
        self.kept.append(("entries", after.days))
        yield from ()

    def strip(self, after):
        self.kept.append(("bodies", after.days))
        yield from ()


@pytest.fixture
def old(engine, store, monkeypatch):
    """Five messages that had been numbered a hundred days ago; the third is parked."""
    monkeypatch.setattr(positions, "TICK_SECONDS", 0.0)
    outbox = Outbox(engine)
    store.transact(lambda unit: unit.resources.emit([message("case/1", each) for each in range(1, 6)]))
    for _ in range(2):
        outbox.number()
    outbox.mark([1, 2, 4, 5], "published")
    outbox.park(3, "no reason")
    with engine.begin() as connection:
        connection.execute(update(t.tick).values(at=datetime.now(UTC) - timedelta(days=100)))


def run(engine, inbox, done, **environment):
    """Run the loops until it is done."""
    settings = Settings.from_env({f"CASEBRIDGE_{name}": value for name, value in environment.items()})
    stop = threading.Event()
    threads = [
        threading.Thread(target=loop, args=(stop,)) for loop in retaining.loops(settings, engine, inbox)
    ]
    for thread in threads:
        thread.start()
    try:
        until(done)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    return len(threads)


def left(engine):
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(t.outbox)).scalar_one()


@pytest.mark.usefixtures("old")
def test_messages_of_more_than_ninety_days_go_by_themselves(engine):
    assert run(engine, Inbox(), lambda: left(engine) == 1) == 1


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize("days", ["101", "0"])
def test_younger_ones_stay(engine, days):
    inbox = Inbox()
    run(engine, inbox, lambda: inbox.kept, EVENT_DAYS=days, INBOX_DAYS="3")
    assert left(engine) == 5


def test_the_inbox_is_kept_as_long_as_settings_say(engine):
    inbox = Inbox()
    done = [("bodies", 30), ("entries", 400)]
    told = {"EVENT_DAYS": "0", "INBOX_DAYS": "400", "INBOX_BODY_DAYS": "30"}
    assert run(engine, inbox, lambda: sorted(inbox.kept) == done, **told) == 2
    assert run(engine, inbox, lambda: True, EVENT_DAYS="0") == 0
