"""Requests that are answered at the same time are recorded together, and each is told whether it was."""

import threading
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from service.errors import Unavailable
from service.store.audit.recording import SqlRecording
from service.store.rows.recorded import digest_of_text
from service.store.sql.engine import writing
from service.store.tables import audit, audit_text
from service.values.audit import AuditEntry, Disclosed, Disclosure

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(number, status=200):
    disclosure = Disclosure("read", (Disclosed("u", f"CarePlan/{number}/_history/1"),), searched(number))
    return AuditEntry(AT, "northern", "127.0.0.1", ("TREAT",), status, f"c{number}", disclosure)


def searched(number):
    """Every other request searched for something."""
    return f"CarePlan?_id={number}" if number % 2 else ""


def at_once(engine, entries):
    """Record entries in a thread each, all of them while the first one waits; return which are refused."""
    recording, refused = SqlRecording(engine), set()

    def record(entry):
        try:
            recording.record(entry)
        except Unavailable:
            refused.add(entry.correlation)

    threads = [threading.Thread(target=record, args=(entry,)) for entry in entries]
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE")).rowcount  # noqa: B018 - waits
        for thread in threads:
            thread.start()
        time.sleep(0.3)
    for thread in threads:
        thread.join(30)
    return refused


def recorded(engine):
    """What is on record, by correlation id: the text, once it fits its digest."""
    joined = select(audit, audit_text.c.salt, audit_text.c.text).join(
        audit_text, audit_text.c.row == audit.c.row, isouter=True
    )
    by_correlation = {}
    with engine.connect() as connection:
        for row in connection.execute(joined):
            assert row.text_digest == (digest_of_text(row.salt, row.text) if row.text else None)
            by_correlation[row.correlation] = (row.status, row.text or "")
    return by_correlation


def transactions(engine):
    """How many transactions made what is on record; SQLite does not tell."""
    if engine.dialect.name != "postgresql":
        return set()
    with engine.connect() as connection:
        return {connection.execute(text("SELECT count(DISTINCT xmin::text) FROM audit")).scalar_one()}


def test_what_is_asked_at_once_is_on_record_each_with_what_it_searched_for(engine):
    assert at_once(engine, [entry(number) for number in range(12)]) == set()
    assert recorded(engine) == {f"c{number}": (200, searched(number)) for number in range(12)}
    # the first by itself; those who came meanwhile share a commit
    assert transactions(engine) in ({2}, set())


@pytest.mark.parametrize("bad", [1, 2])
def test_one_that_cannot_be_recorded_keeps_no_other_from_its_answer(engine, bad):
    entries = [entry(number, None if number == bad else 200) for number in range(5)]
    assert at_once(engine, entries) == {f"c{bad}"}
    assert recorded(engine) == {f"c{n}": (200, searched(n)) for n in range(5) if n != bad}
