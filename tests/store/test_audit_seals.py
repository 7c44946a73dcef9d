"""What is on record is sealed: of what is changed afterwards, the first seal that it breaks is named."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from service.store.audit.reading import SqlAuditReading
from service.store.audit.recording import SqlRecording
from service.store.audit.sealing import SqlSealing
from service.values.audit import AuditEntry, AuditQuery, Disclosed, Disclosure

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLIENT = "00000000-0000-4000-8000-000000000001"


class Clock:
    def __init__(self):
        self.now = AT

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def seals(engine, clock):
    return SqlSealing(engine, clock)


def record(engine, count=1, searched="CarePlan?status=active"):
    things = (Disclosed(CLIENT, "CarePlan/1/_history/1"),)
    entry = AuditEntry(
        AT, "northern", "127.0.0.1", ("TREAT",), 200, "c", Disclosure("read", things, searched)
    )
    for _ in range(count):
        SqlRecording(engine).record(entry)


def run(engine, statement):
    with engine.begin() as connection:
        connection.execute(text(statement))


def broken(seals):
    return [break_ for break_ in seals.verify() if break_ is not None][:1]


@pytest.fixture
def sealed(engine, seals):
    """Three batches of two rows each."""
    for _ in range(3):
        record(engine, 2)
        assert seals.seal() == 2
    assert seals.seal() == 0
    assert broken(seals) == []
    return seals


CHANGES = {
    "UPDATE audit SET partner = 'other' WHERE row = 3": 2,
    "UPDATE audit SET things = '{}' WHERE row = 1": 1,
    "UPDATE audit SET text_digest = NULL WHERE row = 6": 3,
    "DELETE FROM audit WHERE row = 4": 2,
    "UPDATE audit_seal SET digest = chain WHERE number = 2": 2,
    "UPDATE audit_seal SET count = 1 WHERE number = 1": 1,
    "DELETE FROM audit_seal WHERE number = 2": 3,
    "DELETE FROM audit_seal WHERE number = 1": 2,
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_first_seal_that_a_change_breaks_is_named(engine, sealed, change):
    run(engine, change)
    (first,) = broken(sealed)
    assert first.seal == CHANGES[change]


def test_what_an_erasure_forgets_breaks_no_seal(engine, sealed):
    run(engine, "DELETE FROM audit_text")
    assert broken(sealed) == []


def test_a_row_that_is_committed_late_is_sealed_later(engine, seals, clock):
    record(engine, 3)
    run(engine, "UPDATE audit SET row = 99 WHERE row = 2")
    run(engine, "DELETE FROM audit WHERE row = 99")
    assert seals.seal() == 2
    record(engine)
    run(engine, "UPDATE audit SET row = 2 WHERE row = 4")
    assert (seals.seal(), seals.seal(), broken(seals)) == (1, 0, [])
    assert [(place, entry.row) for place, entry in seals.entries_after(0)] == [(1, 1), (2, 3), (3, 2)]
    assert [(place, entry.row) for place, entry in seals.entries_after(2)] == [(3, 2)]
    assert seals.last_position() == 3


def test_a_row_that_is_put_in_where_none_was_is_found(engine, seals, clock):
    newest = "WHERE row = (SELECT max(row) FROM audit)"
    record(engine, 2)
    run(engine, f"UPDATE audit SET row = 5 {newest}")
    assert seals.seal() == 2
    clock.now += timedelta(minutes=11)
    record(engine)
    run(engine, "UPDATE audit SET row = 9 WHERE row IN (3, 6)")
    assert (seals.seal(), broken(seals)) == (1, [])
    record(engine)
    run(engine, "UPDATE audit SET row = 3 WHERE row IN (4, 10)")
    assert (seals.seal(), [break_.seal for break_ in broken(seals)]) == (0, [1])


def test_what_was_told_of_a_client_is_found_sealed_or_not(engine, seals):
    reading = SqlAuditReading(engine)
    record(engine, 2)
    assert seals.seal() == 2
    record(engine, 2)
    rows = [entry.row for entry in reading.entries(AuditQuery(client=CLIENT))]
    assert rows == [4, 3, 2, 1]
    assert reading.entries(AuditQuery(client="another")) == []
