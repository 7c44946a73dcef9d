"""What is old in the audit is let go by the month, and what stays verifies."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import make_url, select, text

from service.errors import Unavailable
from service.store.audit import chain, partitions, sealing
from service.store.audit.privileges import warnings
from service.store.audit.reading import SqlAuditReading
from service.store.audit.recording import SqlRecording
from service.store.audit.retention import SqlRetention
from service.store.audit.sealing import SqlSealing
from service.store.sql.engine import connect
from service.store.tables import audit, audit_patient, audit_seal, audit_text
from service.values.audit import AuditEntry, AuditQuery, Disclosed, Disclosure
from tests.store.test_audit_seals import CLIENT, Clock, broken, run

JANUARY = datetime(2026, 1, 30, 12, tzinfo=UTC)


@pytest.fixture
def clock():
    clock = Clock()
    clock.now = JANUARY
    return clock


@pytest.fixture
def seals(engine, clock):
    return SqlSealing(engine, clock)


def retention(engine, clock, days=60):
    return SqlRetention(engine, clock, days)


def record(engine, at, searched="CarePlan?status=active"):
    things = (Disclosed(CLIENT, "CarePlan/1/_history/1"),)
    disclosure = Disclosure("read", things, searched)
    SqlRecording(engine).record(AuditEntry(at, "northern", "127.0.0.1", ("TREAT",), 200, "c", disclosure))


def days(engine, table=audit):
    with engine.connect() as connection:
        return list(connection.execute(select(table.c.recorded_on).order_by(table.c.row)).scalars())


def seal_all(seals):
    while seals.seal():
        pass


@pytest.fixture
def months(engine, clock, seals):
    """Two rows on each tenth day from January to April, sealed as they come; partitions made in time."""
    for number in range(10):
        clock.now = JANUARY + timedelta(days=10 * number)
        retention(engine, clock).make_ahead()
        for _ in range(2):
            record(engine, clock.now)
        seal_all(seals)
    assert (len(days(engine)), broken(seals)) == (20, [])
    return clock.now


def test_whole_months_go_from_every_table_and_the_seals_left_hold(engine, clock, seals, months):
    assert (months.date(), retention(engine, clock).before()) == (date(2026, 4, 30), date(2026, 3, 1))
    list(retention(engine, clock).let_go())
    for table in (audit, audit_text, audit_patient):
        assert min(days(engine, table)) == date(2026, 3, 1)
        assert len(days(engine, table)) == 14
    assert (broken(seals), seals.kept_since()) == ([], date(2026, 3, 1))
    record(engine, clock.now)
    seal_all(seals)
    assert (broken(seals), seals.last_position()) == ([], 21)
    assert [place for place, _ in seals.entries_after(0)] == list(range(7, 22))
    assert [place for place, _ in seals.entries_after(19)] == [20, 21]
    assert len(SqlAuditReading(engine).entries(AuditQuery(client=CLIENT))) == 15


def test_they_go_once_and_then_the_next_ones(engine, clock, seals, months):
    for _ in range(2):
        list(retention(engine, clock).let_go())
    with engine.connect() as connection:
        anchors = select(audit_seal.c.number).where(audit_seal.c.dropped_before.is_not(None))
        assert len(connection.execute(anchors).all()) == 1
    clock.now += timedelta(days=31)
    list(retention(engine, clock).let_go())
    assert (broken(seals), min(days(engine)), seals.kept_since()) == ([], date(2026, 4, 10), date(2026, 4, 1))
    clock.now += timedelta(days=366)
    list(retention(engine, clock).let_go())
    assert (broken(seals), days(engine), list(seals.entries_after(0))) == ([], [], [])
    record(engine, clock.now)
    assert (seals.seal(), broken(seals), seals.last_position()) == (1, [], 21)


def test_without_a_number_of_days_all_stays(engine, clock, seals, months):
    clock.now += timedelta(days=10_000)
    assert list(retention(engine, clock, 0).let_go()) == []
    assert (len(days(engine)), seals.kept_since()) == (20, None)


def test_what_was_not_sealed_yet_is_so_before_it_goes(engine, clock, seals):
    for number in range(3):
        record(engine, JANUARY + timedelta(days=20 * number))
    clock.now = JANUARY + timedelta(days=95)
    list(retention(engine, clock).let_go())
    assert (broken(seals), seals.last_position(), days(engine)) == ([], 3, [date(2026, 3, 11)])


CHANGES = {
    "DELETE FROM audit WHERE row = 12": "2 rows were sealed, 1 are there",
    "UPDATE audit SET partner = 'other' WHERE row = 20": "a row was changed",
    "DELETE FROM audit_seal WHERE number = (SELECT min(number) FROM audit_seal)": "begins after it",
    "UPDATE audit_seal SET chain = digest WHERE number = (SELECT min(number) FROM audit_seal)": "begins",
    "UPDATE audit_seal SET dropped_before = '2026-04-01' WHERE dropped_before IS NOT NULL": "was changed",
    "UPDATE audit_seal SET begins = 5 WHERE dropped_before IS NOT NULL": "begins after it",
    "DELETE FROM audit_seal WHERE number <= 6": "begins after it",
    "UPDATE audit_seal SET day = '2026-01-01' WHERE number = 8": "was changed",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_what_stays_is_found_as_before(engine, clock, seals, months, change):
    list(retention(engine, clock).let_go())
    record(engine, clock.now)
    seal_all(seals)
    run(engine, change)
    (first,) = broken(seals)
    assert CHANGES[change] in first.why


def test_a_seal_covers_one_day_and_what_came_late_is_sealed_with_its_own(engine, clock, seals):
    night = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    morning = night + timedelta(seconds=2)
    clock.now = morning
    for at in (night, morning, night, morning, morning):
        record(engine, at)
    run(engine, "UPDATE audit SET row = row + 100 WHERE row = 1")
    run(engine, "UPDATE audit SET row = 1 WHERE row = 101")
    assert [seals.seal() for _ in range(5)] == [1, 1, 1, 2, 0]
    assert broken(seals) == []
    clock.now = morning + timedelta(days=40)
    list(retention(engine, clock, 35).let_go())
    assert (broken(seals), set(days(engine))) == ([], {date(2026, 2, 1)})
    assert [place for place, _ in seals.entries_after(0)] == [2, 4, 5]


def test_seals_of_before_0022_which_cover_several_days_hold_and_go(engine, clock, seals, monkeypatch):
    add = chain.add
    monkeypatch.setattr(
        chain, "add", lambda *arguments: add(arguments[0], arguments[1] | {"day": None}, arguments[2])
    )
    monkeypatch.setattr(sealing, "_of_one_day", lambda rows, _: list(rows))
    for number in range(10):
        clock.now = JANUARY + timedelta(days=10 * number)
        record(engine, clock.now)
        if number % 2:
            assert seals.seal() == 2
    monkeypatch.undo()
    assert broken(seals) == []
    list(retention(engine, clock).let_go())
    assert (broken(seals), min(days(engine)), seals.last_position()) == ([], date(2026, 3, 1), 10)
    assert [place for place, _ in seals.entries_after(0)] == [5, 6, 7, 8, 9, 10]


# -- PostgreSQL


@pytest.fixture
def postgres(postgres_url):
    engine = connect(postgres_url)
    yield engine
    engine.dispose()


def children(engine, table="audit"):
    chosen = "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = '{}'"
    with engine.connect() as connection:
        return sorted(connection.execute(text(f"{chosen.format(table)}::regclass")).scalars())


def test_months_are_made_ahead_and_old_ones_dropped(postgres, clock):
    kept = retention(postgres, clock)
    assert (kept.make_ahead(), kept.make_ahead()) == (3 * 4, 0)
    assert children(postgres) == [f"audit_2026_0{month}" for month in range(1, 5)] + ["audit_default"]
    record(postgres, clock.now)
    clock.now += timedelta(days=120)
    assert kept.make_ahead() == 3 * 4
    list(kept.let_go())
    assert [name[6:] for name in children(postgres)] == [
        *(f"2026_0{month}" for month in range(3, 9)),
        "default",
    ]
    assert children(postgres, "audit_text")[0] == "audit_text_2026_03"


def test_a_month_that_the_default_partition_has_rows_of_stays_there_and_goes_from_there(postgres, clock):
    record(postgres, clock.now)
    kept = retention(postgres, clock)
    kept.make_ahead()
    assert children(postgres)[0] == "audit_2026_02"
    clock.now += timedelta(days=120)
    assert sum(kept.let_go()) == 2
    assert (days(postgres), broken(SqlSealing(postgres, clock))) == ([], [])


def test_partitions_that_an_operator_made_stay_and_go_like_others(postgres, clock):
    day = "CREATE TABLE mine PARTITION OF audit FOR VALUES FROM ('2026-01-30') TO ('2026-01-31')"
    run(postgres, day)
    retention(postgres, clock).make_ahead()
    assert [name for name in children(postgres) if "01" in name or name == "mine"] == ["mine"]
    clock.now += timedelta(days=120)
    list(retention(postgres, clock).let_go())
    assert "mine" not in children(postgres)


def test_one_who_reads_holds_a_drop_up_and_nobody_waits_long_behind_it(postgres, clock):
    record(postgres, clock.now)
    retention(postgres, clock).make_ahead()
    clock.now += timedelta(days=120)
    with postgres.connect() as reader:
        reader.execute(text("SELECT * FROM audit"))
        with pytest.raises(Unavailable, match="too busy"):
            list(retention(postgres, clock).let_go())
        reader.rollback()
    list(retention(postgres, clock).let_go())
    assert broken(SqlSealing(postgres, clock)) == []


def test_a_role_that_may_only_add_leaves_it_to_the_owner(postgres, postgres_url, clock):
    name = f"adds_{make_url(postgres_url).database}"
    for statement in (
        f"CREATE ROLE {name}",
        f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {name}",
        f"GRANT SELECT, INSERT ON audit, audit_text, audit_seal, audit_patient TO {name}",
    ):
        run(postgres, statement)
    url = make_url(postgres_url).update_query_dict({"options": f"-c role={name}"})
    app = connect(url.render_as_string(hide_password=False))
    try:
        assert (retention(app, clock).may_keep(), retention(postgres, clock).may_keep()) == (False, True)
        retention(postgres, clock).make_ahead()
        (warning,) = warnings(app)
        assert "casebridge audit prune" in warning
        run(postgres, f"GRANT DELETE ON audit_2026_01 TO {name}")
        assert "audit_2026_01" in warnings(app)[0]
        assert partitions.may_change(postgres)
    finally:
        app.dispose()
        run(postgres, f"DROP OWNED BY {name}")
        run(postgres, f"DROP ROLE {name}")
